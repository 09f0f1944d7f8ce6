/** Everything of the face, as `index.ts` shows it and types know it. */

import { node } from '../crypto/node/index.ts'
import type { Password } from '../x509/keys.ts'
import type { BIO } from './bio.ts'
import { type SSL_CTX, SSL_CTX_new_ex } from './ctx.ts'
import type { SSL_METHOD } from './methods.ts'
import { type EVP_PKEY, PEM_read_bio_PrivateKey_ex } from './x509.ts'

export { Misuse } from '../errors.ts'
export * from './about.ts'
export * from './alert-texts.ts'
export * from './bio.ts'
export * from './bio-accept.ts'
export * from './bio-base64.ts'
export * from './bio-connect.ts'
export * from './bio-file.ts'
export * from './bio-filters.ts'
export * from './bio-mem.ts'
export * from './bio-meth.ts'
export * from './bio-numbers.ts'
export * from './bio-pair.ts'
export * from './bio-socket.ts'
export * from './bio-ssl.ts'
export * from './bio-wait.ts'
export {
  SSL_CTX_get_info_callback,
  SSL_CTX_get_keylog_callback,
  SSL_CTX_set_info_callback,
  SSL_CTX_set_keylog_callback,
  SSL_CTX_set_msg_callback,
  SSL_CTX_set_msg_callback_arg,
  SSL_get_info_callback,
  SSL_set_info_callback,
  SSL_set_msg_callback,
  SSL_set_msg_callback_arg,
} from './callbacks.ts'
export {
  SSL_add_client_CA,
  SSL_add_dir_cert_subjects_to_stack,
  SSL_add_file_cert_subjects_to_stack,
  SSL_add0_chain_cert,
  SSL_add1_chain_cert,
  SSL_add1_to_CA_list,
  SSL_CTX_add_client_CA,
  SSL_CTX_add_extra_chain_cert,
  SSL_CTX_add0_chain_cert,
  SSL_CTX_add1_chain_cert,
  SSL_CTX_add1_to_CA_list,
  SSL_CTX_check_private_key,
  SSL_CTX_clear_chain_certs,
  SSL_CTX_clear_extra_chain_certs,
  SSL_CTX_get_client_CA_list,
  SSL_CTX_get_client_cert_cb,
  SSL_CTX_get_default_passwd_cb,
  SSL_CTX_get_default_passwd_cb_userdata,
  SSL_CTX_get_extra_chain_certs,
  SSL_CTX_get0_CA_list,
  SSL_CTX_get0_certificate,
  SSL_CTX_get0_privatekey,
  SSL_CTX_set_client_CA_list,
  SSL_CTX_set_client_cert_cb,
  SSL_CTX_set_default_passwd_cb,
  SSL_CTX_set_default_passwd_cb_userdata,
  SSL_CTX_set0_CA_list,
  SSL_CTX_use_cert_and_key,
  SSL_CTX_use_certificate,
  SSL_CTX_use_certificate_ASN1,
  SSL_CTX_use_certificate_chain_file,
  SSL_CTX_use_certificate_file,
  SSL_CTX_use_PrivateKey,
  SSL_CTX_use_PrivateKey_ASN1,
  SSL_CTX_use_PrivateKey_file,
  SSL_CTX_use_RSAPrivateKey_ASN1,
  SSL_CTX_use_RSAPrivateKey_file,
  SSL_certs_clear,
  SSL_check_private_key,
  SSL_clear_chain_certs,
  SSL_dup_CA_list,
  SSL_get_certificate,
  SSL_get_client_CA_list,
  SSL_get_default_passwd_cb,
  SSL_get_default_passwd_cb_userdata,
  SSL_get_privatekey,
  SSL_get0_CA_list,
  SSL_get0_peer_CA_list,
  SSL_load_client_CA_file,
  SSL_set_cert_cb,
  SSL_set_client_CA_list,
  SSL_set_default_passwd_cb,
  SSL_set_default_passwd_cb_userdata,
  SSL_set0_CA_list,
  SSL_use_cert_and_key,
  SSL_use_certificate,
  SSL_use_certificate_ASN1,
  SSL_use_certificate_chain_file,
  SSL_use_certificate_file,
  SSL_use_PrivateKey,
  SSL_use_PrivateKey_ASN1,
  SSL_use_PrivateKey_file,
  SSL_use_RSAPrivateKey_ASN1,
  SSL_use_RSAPrivateKey_file,
} from './certificates.ts'
export {
  OPENSSL_cipher_name,
  SSL_bytes_to_cipher_list,
  SSL_CIPHER,
  SSL_CIPHER_description,
  SSL_CIPHER_find,
  SSL_CIPHER_get_auth_nid,
  SSL_CIPHER_get_bits,
  SSL_CIPHER_get_cipher_nid,
  SSL_CIPHER_get_digest_nid,
  SSL_CIPHER_get_handshake_digest,
  SSL_CIPHER_get_id,
  SSL_CIPHER_get_kx_nid,
  SSL_CIPHER_get_name,
  SSL_CIPHER_get_protocol_id,
  SSL_CIPHER_get_version,
  SSL_CIPHER_is_aead,
  SSL_CIPHER_standard_name,
} from './ciphers.ts'
export {
  SSL_CONF_CTX,
  SSL_CONF_CTX_clear_flags,
  SSL_CONF_CTX_finish,
  SSL_CONF_CTX_free,
  SSL_CONF_CTX_new,
  SSL_CONF_CTX_set_flags,
  SSL_CONF_CTX_set_ssl,
  SSL_CONF_CTX_set_ssl_ctx,
  SSL_CONF_CTX_set1_prefix,
  SSL_CONF_cmd,
  SSL_CONF_cmd_argv,
  SSL_CONF_cmd_value_type,
} from './conf.ts'
export * from './ctx.ts'
export {
  SSL_CTX_add_client_custom_ext,
  SSL_CTX_add_custom_ext,
  SSL_CTX_add_server_custom_ext,
  SSL_CTX_has_client_custom_ext,
  SSL_extension_supported,
} from './custom.ts'
export * from './data.ts'
export * from './early.ts'
export * from './err.ts'
export * from './err-print.ts'
export * from './handshake.ts'
export * from './init.ts'
export * from './methods.ts'
export {
  CONF_MFLAGS_DEFAULT_SECTION,
  CONF_MFLAGS_IGNORE_MISSING_FILE,
  CONF_modules_load_file,
  CONF_modules_unload,
  SSL_CTX_config,
  SSL_config,
} from './modules.ts'
export * from './names.ts'
export * from './open.ts'
export * from './options.ts'
export {
  SSL_CTX_get_record_padding_callback_arg,
  SSL_CTX_set_block_padding,
  SSL_CTX_set_record_padding_callback,
  SSL_CTX_set_record_padding_callback_arg,
  SSL_get_record_padding_callback_arg,
  SSL_set_block_padding,
  SSL_set_record_padding_callback,
  SSL_set_record_padding_callback_arg,
} from './padding.ts'
export * from './pha.ts'
export {
  type PskClientCallback,
  type PskFindSessionCallback,
  type PskServerCallback,
  type PskUseSessionCallback,
  SSL_CTX_set_psk_client_callback,
  SSL_CTX_set_psk_find_session_callback,
  SSL_CTX_set_psk_server_callback,
  SSL_CTX_set_psk_use_session_callback,
  SSL_CTX_use_psk_identity_hint,
  SSL_get_psk_identity,
  SSL_get_psk_identity_hint,
  SSL_set_psk_client_callback,
  SSL_set_psk_find_session_callback,
  SSL_set_psk_server_callback,
  SSL_set_psk_use_session_callback,
  SSL_use_psk_identity_hint,
} from './psk.ts'
export * from './renegotiation.ts'
export {
  SSL_get_session,
  SSL_get0_session,
  SSL_get1_session,
  SSL_session_reused,
  SSL_set_session,
} from './resumption.ts'
export {
  SSL_CTX_use_serverinfo,
  SSL_CTX_use_serverinfo_ex,
  SSL_CTX_use_serverinfo_file,
  SSL_SERVERINFOV1,
  SSL_SERVERINFOV2,
} from './serverinfo.ts'
export {
  d2i_SSL_SESSION,
  i2d_SSL_SESSION,
  SSL_SESSION,
  SSL_SESSION_dup,
  SSL_SESSION_free,
  SSL_SESSION_get_compress_id,
  SSL_SESSION_get_ex_data,
  SSL_SESSION_get_ex_new_index,
  SSL_SESSION_get_id,
  SSL_SESSION_get_master_key,
  SSL_SESSION_get_max_early_data,
  SSL_SESSION_get_max_fragment_length,
  SSL_SESSION_get_protocol_version,
  SSL_SESSION_get_ticket_lifetime_hint,
  SSL_SESSION_get_time,
  SSL_SESSION_get_timeout,
  SSL_SESSION_get0_alpn_selected,
  SSL_SESSION_get0_cipher,
  SSL_SESSION_get0_hostname,
  SSL_SESSION_get0_id_context,
  SSL_SESSION_get0_peer,
  SSL_SESSION_get0_ticket,
  SSL_SESSION_has_ticket,
  SSL_SESSION_is_resumable,
  SSL_SESSION_new,
  SSL_SESSION_set_cipher,
  SSL_SESSION_set_ex_data,
  SSL_SESSION_set_max_early_data,
  SSL_SESSION_set_protocol_version,
  SSL_SESSION_set_time,
  SSL_SESSION_set_timeout,
  SSL_SESSION_set1_alpn_selected,
  SSL_SESSION_set1_hostname,
  SSL_SESSION_set1_id,
  SSL_SESSION_set1_id_context,
  SSL_SESSION_set1_master_key,
  SSL_SESSION_up_ref,
} from './session.ts'
export * from './session-cache.ts'
export * from './session-text.ts'
export { type SignatureAlgorithm, SSL_check_chain, SSL_get_shared_sigalgs, SSL_get_sigalgs } from './sigalgs.ts'
export * from './ssl.ts'
export * from './ssl-numbers.ts'
export * from './stateless.ts'
export {
  SSL_CTX_get_tlsext_status_arg,
  SSL_CTX_get_tlsext_status_cb,
  SSL_CTX_get_tlsext_status_type,
  SSL_CTX_set_tlsext_status_arg,
  SSL_CTX_set_tlsext_status_cb,
  SSL_CTX_set_tlsext_status_type,
  SSL_get_tlsext_status_exts,
  SSL_get_tlsext_status_ids,
  SSL_get_tlsext_status_type,
  SSL_set_tlsext_status_exts,
  SSL_set_tlsext_status_ids,
  SSL_set_tlsext_status_ocsp_resp,
} from './status.ts'
export {
  SSL_CTX_get0_chain_cert_store,
  SSL_CTX_get0_verify_cert_store,
  SSL_CTX_set0_chain_cert_store,
  SSL_CTX_set0_verify_cert_store,
  SSL_CTX_set1_chain_cert_store,
  SSL_CTX_set1_verify_cert_store,
  SSL_get0_chain_cert_store,
  SSL_get0_verify_cert_store,
  SSL_set0_chain_cert_store,
  SSL_set0_verify_cert_store,
  SSL_set1_chain_cert_store,
  SSL_set1_verify_cert_store,
} from './stores.ts'
export {
  SSL_CTX_set_session_ticket_cb,
  SSL_SESSION_get0_ticket_appdata,
  SSL_SESSION_set1_ticket_appdata,
} from './ticket-data.ts'
export {
  SSL_CTX_get_tlsext_ticket_keys,
  SSL_CTX_set_tlsext_ticket_key_cb,
  SSL_CTX_set_tlsext_ticket_keys,
  type TicketKey,
  type TicketKeyCallback,
} from './ticket-keys.ts'
export * from './trace-text.ts'
export {
  SSL_add1_host,
  SSL_CTX_get_cert_store,
  SSL_CTX_get_verify_callback,
  SSL_CTX_get_verify_depth,
  SSL_CTX_get_verify_mode,
  SSL_CTX_load_verify_locations,
  SSL_CTX_set_cert_store,
  SSL_CTX_set_cert_verify_callback,
  SSL_CTX_set_default_verify_dir,
  SSL_CTX_set_default_verify_file,
  SSL_CTX_set_default_verify_paths,
  SSL_CTX_set_verify,
  SSL_CTX_set_verify_depth,
  SSL_CTX_set1_cert_store,
  SSL_get_peer_cert_chain,
  SSL_get_peer_certificate,
  SSL_get_verify_callback,
  SSL_get_verify_depth,
  SSL_get_verify_mode,
  SSL_get_verify_result,
  SSL_get0_peername,
  SSL_get0_verified_chain,
  SSL_set_hostflags,
  SSL_set_verify,
  SSL_set_verify_depth,
  SSL_set_verify_result,
  SSL_set1_host,
} from './verify.ts'
export * from './verify-param.ts'
export {
  SSL_CTX_get_max_proto_version,
  SSL_CTX_get_min_proto_version,
  SSL_CTX_set_max_proto_version,
  SSL_CTX_set_min_proto_version,
  SSL_get_max_proto_version,
  SSL_get_min_proto_version,
  SSL_get_version,
  SSL_set_max_proto_version,
  SSL_set_min_proto_version,
  SSL_version,
} from './versions.ts'
export * from './wait.ts'
export {
  d2i_X509,
  EVP_PKEY,
  EVP_PKEY_free,
  EVP_PKEY_up_ref,
  i2d_X509,
  PEM_read_bio_X509,
  PEM_write_bio_X509,
  X509,
  X509_check_private_key,
  X509_cmp,
  X509_free,
  X509_get_issuer_name,
  X509_get_serial_text,
  X509_get_subject_name,
  X509_NAME,
  X509_NAME_cmp,
  X509_NAME_oneline,
  X509_of,
  X509_up_ref,
  X509_verify_cert_error_string,
} from './x509.ts'
export * from './x509-store.ts'

/** A context that draws on node:crypto. null for a null method, with an error; SSL_CTX_new_ex takes another provider. */
export const SSL_CTX_new = (meth: SSL_METHOD | null): SSL_CTX | null => SSL_CTX_new_ex(node, meth)

/** The first private key of PEM text; `password` for an encrypted one. null with errors in the queue. */
export const PEM_read_bio_PrivateKey = (bio: BIO, password?: Password): EVP_PKEY | null =>
  PEM_read_bio_PrivateKey_ex(bio, node, password)
