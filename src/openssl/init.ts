/** What programs call before anything else. Nothing here has to be made ready (OPENSSL_init_ssl(3)). */

export const OPENSSL_init_ssl = (_opts: number, _settings: unknown): 1 => 1
export const SSL_library_init = (): 1 => 1
export const OpenSSL_add_ssl_algorithms = SSL_library_init
export const SSL_load_error_strings = (): void => {}
export const ERR_load_SSL_strings = (): 1 => 1
/** `ssl_conf` in configuration files is known from the start. */
export const SSL_add_ssl_module = (): void => {}
