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
  ...group('engines: a provider of cryptography is given to SSL_CTX_new_ex', 'SSL_CTX_set_client_cert_engine'),
])

/** Of the functions that shall be there, those that are not, as long as they are not exported. */
export const WANTED: readonly string[] = [
  ...'SSL_CTX_config SSL_CTX_set_max_early_data SSL_set_max_early_data SSL_CTX_set_recv_max_early_data'.split(' '),
  ...'SSL_get_early_data_status SSL_read_early_data SSL_write_early_data SSL_CTX_set_psk_client_callback'.split(' '),
  ...'SSL_CTX_set_psk_server_callback SSL_CTX_set_psk_find_session_callback SSL_get_psk_identity'.split(' '),
  ...'SSL_CTX_set_psk_use_session_callback SSL_get_psk_identity_hint SSL_export_keying_material_early'.split(' '),
  ...'SSL_get_server_tmp_key SSL_get_tmp_key SSL_get_peer_tmp_key SSL_set_max_pipelines'.split(' '),
]
