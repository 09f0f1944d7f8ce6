/**
 * What the index of libssl's functions (docs/libssl/index.md) knows beside the exports of src/openssl: which page speaks
 * about a name, what is there only to be refused, and what is not there.
 */

/** Pages in the index's order; the first whose pattern fits a name has it. */
export const PAGES: readonly { readonly page: string; readonly title: string; readonly names: RegExp }[] = [
  { page: 'bio', title: 'BIO', names: /^(BIO(_|$)|SSL_(set|get)(0|_)?_?[rw]?(fd|bio)$|SSL_set0_[rw]bio)/ },
  { page: 'errors', title: 'Error queue', names: /^(ERR_|(get|set)_errno$|\w+err$)/ },
  {
    page: 'sessions',
    title: 'Sessions, tickets, PSK, early data',
    names: /SESSION|[sS]ession|_sess_|ticket|psk|early_data|timeout/,
  },
  {
    page: 'data',
    title: 'Reading, writing, shutdown, and the open connection',
    names:
      /_(read|write|peek)(_ex)?$|pending|shutdown|fragment|_buffers|read_ahead|padding|key_update|keying_material|renegotiat|post_handshake|pipelines/,
  },
  {
    page: 'certificates',
    title: 'Certificates and verification',
    names:
      /^(d2i|i2d|PEM|X509|EVP)(_|$)|verify|private_key|[cC]ert|[pP]rivate[kK]ey|privatekey|passwd|CA_(list|file)|1_host|hostflags|peername|chain|store/,
  },
  {
    page: 'callbacks',
    title: 'Callbacks, names and stapling',
    names: /_cb(_userdata)?$|callback|servername|host_name|alpn|next_proto|client_hello|tlsext_status/,
  },
  {
    page: 'configuration',
    title: 'Configuration',
    names:
      /_CONF_|CTX_config|_options$|_mode$|proto_version|cipher|CIPHER|group|curve|sigalg|security_level|signature|quiet|SCSV|max_cert_list/,
  },
  {
    page: 'handshake',
    title: 'Handshake and errors',
    names:
      /handshake$|_(connect|accept|is_server|get_error|version|get_version|get_failure)$|state|want|in_(init|before|connect_init|accept_init)|finished|alert|_wait|select$|async|_random$|_tmp_key$|extms/,
  },
  { page: 'contexts', title: 'Contexts and connections', names: /./ },
]

/** Exported, and always refused. */
export const REFUSED: Readonly<Record<string, string>> = {
  SSL_renegotiate: 'renegotiation comes later, and then opt-in',
  SSL_renegotiate_abbreviated: 'renegotiation comes later, and then opt-in',
  BIO_set_ssl_renegotiate_bytes: 'renegotiation comes later, and then opt-in',
  BIO_set_ssl_renegotiate_timeout: 'renegotiation comes later, and then opt-in',
}

const SOON = 'comes later, opt-in'
const group = (why: string, names: string): [string, string][] => names.split(' ').map((name) => [name, why])

/** Not exported, and why that is so. */
export const OUT_OF_SCOPE: Readonly<Record<string, string>> = Object.fromEntries([
  ...group(`DTLS ${SOON}`, 'DTLS_method DTLS_client_method DTLS_server_method DTLSv1_2_method DTLSv1_method'),
  ...group(`DTLS ${SOON}`, 'DTLSv1_listen DTLS_set_link_mtu DTLS_get_data_mtu DTLS_set_timer_cb'),
  ...group(`DTLS ${SOON}`, 'SSL_CTX_set_cookie_generate_cb SSL_CTX_set_cookie_verify_cb'),
  ...group(`SRTP goes with DTLS, which ${SOON}`, 'SSL_CTX_set_tlsext_use_srtp SSL_get_selected_srtp_profile'),
  ...group(`SRTP goes with DTLS, which ${SOON}`, 'SSL_get_srtp_profiles SSL_set_tlsext_use_srtp'),
  ...group(`TLS 1.0 and 1.1 ${SOON.replace('comes', 'come')}`, 'TLSv1_method TLSv1_client_method TLSv1_server_method'),
  ...group(
    `TLS 1.0 and 1.1 ${SOON.replace('comes', 'come')}`,
    'TLSv1_1_method TLSv1_1_client_method TLSv1_1_server_method',
  ),
  ...group('SSLv3: never', 'SSLv3_method SSLv3_client_method SSLv3_server_method'),
  ...group(
    'NPN: never; ALPN is there',
    'SSL_CTX_set_next_proto_select_cb SSL_CTX_set_next_protos_advertised_cb SSL_get0_next_proto_negotiated',
  ),
  ...group('SRP: never', 'SSL_CTX_SRP_CTX_init SSL_CTX_SRP_CTX_free SSL_SRP_CTX_init SSL_SRP_CTX_free'),
  ...group('SRP: never', 'SSL_CTX_set_srp_username SSL_CTX_set_srp_password SSL_CTX_set_srp_strength'),
  ...group('SRP: never', 'SSL_CTX_set_srp_username_callback SSL_CTX_set_srp_verify_param_callback'),
  ...group('SRP: never', 'SSL_set_srp_server_param SSL_get_srp_username SSL_get_srp_userinfo'),
  ...group(
    'compression: never',
    'SSL_COMP_add_compression_method SSL_COMP_get_compression_methods SSL_COMP_get_name SSL_get_current_compression SSL_get_current_expansion',
  ),
  ...group('certificate transparency: never', 'SSL_CTX_enable_ct SSL_enable_ct SSL_ct_is_enabled SSL_get0_peer_scts'),
  ...group('certificate transparency: never', 'SSL_CTX_set_ctlog_list_file SSL_CTX_set_ct_validation_callback'),
  ...group(
    'there are no suites with finite-field Diffie-Hellman',
    'SSL_CTX_set_tmp_dh SSL_set_tmp_dh SSL_CTX_set_tmp_dh_callback',
  ),
  ...group(
    'there are no suites with finite-field Diffie-Hellman',
    'SSL_set_tmp_dh_callback SSL_CTX_set_dh_auto SSL_set_dh_auto',
  ),
  ...group(`DTLS ${SOON}`, 'DTLSv1_client_method DTLSv1_server_method DTLSv1_2_client_method DTLSv1_2_server_method'),
  ...group('SRP: never', 'SSL_CTX_set_srp_client_pwd_callback SSL_CTX_set_srp_cb_arg SSL_get_srp_g SSL_get_srp_N'),
  ...group('SRP: never', 'SRP_Calc_A_param SSL_srp_server_param_with_username SSL_set_srp_server_param_pw'),
  ...group('compression: never', 'SSL_COMP_get_id SSL_COMP_get0_name SSL_COMP_set0_compression_methods'),
  ...group('certificate transparency: never', 'SSL_set_ct_validation_callback SSL_CTX_set_default_ctlog_list_file'),
  ...group(
    'certificate transparency: never',
    'SSL_CTX_ct_is_enabled SSL_CTX_set0_ctlog_store SSL_CTX_get0_ctlog_store',
  ),
  ...group(
    'DANE is not there',
    'SSL_CTX_dane_enable SSL_CTX_dane_mtype_set SSL_CTX_dane_set_flags SSL_CTX_dane_clear_flags SSL_dane_enable',
  ),
  ...group(
    'DANE is not there',
    'SSL_dane_tlsa_add SSL_dane_set_flags SSL_dane_clear_flags SSL_get0_dane SSL_get0_dane_authority SSL_get0_dane_tlsa',
  ),
  ...group('there are no RSA objects: an EVP_PKEY holds any key', 'SSL_CTX_use_RSAPrivateKey SSL_use_RSAPrivateKey'),
  ...group(
    'there are no C files: the functions for a BIO do it',
    'PEM_read_SSL_SESSION PEM_write_SSL_SESSION SSL_SESSION_print_fp',
  ),
  ...group('each command has a function of its own', 'SSL_ctrl SSL_CTX_ctrl SSL_callback_ctrl SSL_CTX_callback_ctrl'),
  ...group(
    'the security level decides (SSL_CTX_set_security_level)',
    'SSL_CTX_set_security_callback SSL_CTX_get_security_callback SSL_set_security_callback SSL_get_security_callback',
  ),
  ...group(
    'the security level decides (SSL_CTX_set_security_level)',
    'SSL_CTX_set0_security_ex_data SSL_CTX_get0_security_ex_data SSL_set0_security_ex_data SSL_get0_security_ex_data',
  ),
  ...group(
    'the role decides: servers are verified as servers, clients as clients',
    'SSL_CTX_set_purpose SSL_set_purpose SSL_CTX_set_trust SSL_set_trust',
  ),
  ...group(
    'session ids are drawn by the library',
    'SSL_CTX_set_generate_session_id SSL_set_generate_session_id SSL_has_matching_session_id',
  ),
  ...group(
    'tickets and secrets from elsewhere (EAP-FAST) are not there',
    'SSL_set_session_ticket_ext SSL_set_session_ticket_ext_cb SSL_set_session_secret_cb',
  ),
  ...group(
    'a ticket callback that returns 0 keeps a session from being resumed',
    'SSL_CTX_set_not_resumable_session_callback SSL_set_not_resumable_session_callback',
  ),
  ...group('the cache has no table to hand out; SSL_CTX_sess_number counts', 'SSL_CTX_sessions'),
  ...group('nothing to be seen from outside in OpenSSL either', 'SSL_set_debug SSL_test_functions'),
  ...group('engines: a provider of cryptography is given to SSL_CTX_new_ex', 'SSL_CTX_set_client_cert_engine'),
])

/** Of the functions that shall be there, those that are not, as long as they are not exported. */
export const WANTED: readonly string[] = []
