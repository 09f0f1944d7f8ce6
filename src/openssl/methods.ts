import type { Version } from '../config.ts'

/** Which versions and which roles a context can have (TLS_method(3)). */
export class SSL_METHOD {
  readonly name: string
  readonly roles: 'both' | 'client' | 'server'
  /** The only version it speaks; undefined: it negotiates. */
  readonly fixed: Version | undefined

  constructor(name: string, roles: SSL_METHOD['roles'], fixed?: Version) {
    this.name = name
    this.roles = roles
    this.fixed = fixed
  }

  plays(role: 'client' | 'server'): boolean {
    return this.roles === 'both' || this.roles === role
  }
}

const once = (method: SSL_METHOD) => (): SSL_METHOD => method

export const TLS_method = once(new SSL_METHOD('TLS_method', 'both'))
export const TLS_client_method = once(new SSL_METHOD('TLS_client_method', 'client'))
export const TLS_server_method = once(new SSL_METHOD('TLS_server_method', 'server'))
export const TLSv1_2_method = once(new SSL_METHOD('TLSv1_2_method', 'both', 0x0303))
export const TLSv1_2_client_method = once(new SSL_METHOD('TLSv1_2_client_method', 'client', 0x0303))
export const TLSv1_2_server_method = once(new SSL_METHOD('TLSv1_2_server_method', 'server', 0x0303))
export const SSLv23_method = TLS_method
export const SSLv23_client_method = TLS_client_method
export const SSLv23_server_method = TLS_server_method
