/** The numbers of ssl.h, tls1.h and ssl3.h in OpenSSL 1.1.1 that a program may meet. */

export const SSL_ERROR_NONE = 0
export const SSL_ERROR_SSL = 1
export const SSL_ERROR_WANT_READ = 2
export const SSL_ERROR_WANT_WRITE = 3
export const SSL_ERROR_WANT_X509_LOOKUP = 4
export const SSL_ERROR_SYSCALL = 5
export const SSL_ERROR_ZERO_RETURN = 6
export const SSL_ERROR_WANT_CONNECT = 7
export const SSL_ERROR_WANT_ACCEPT = 8
export const SSL_ERROR_WANT_ASYNC = 9
export const SSL_ERROR_WANT_ASYNC_JOB = 10
export const SSL_ERROR_WANT_CLIENT_HELLO_CB = 11

/** What SSL_want says. */
export const SSL_NOTHING = 1
export const SSL_WRITING = 2
export const SSL_READING = 3
export const SSL_X509_LOOKUP = 4
export const SSL_ASYNC_PAUSED = 5
export const SSL_ASYNC_NO_JOBS = 6
export const SSL_CLIENT_HELLO_CB = 7

export const SSL_SENT_SHUTDOWN = 1
export const SSL_RECEIVED_SHUTDOWN = 2

export const SSL_FILETYPE_PEM = 1
export const SSL_FILETYPE_ASN1 = 2

export const SSL3_VERSION = 0x0300
export const TLS1_VERSION = 0x0301
export const TLS1_1_VERSION = 0x0302
export const TLS1_2_VERSION = 0x0303
export const TLS1_3_VERSION = 0x0304

export const SSL_VERIFY_NONE = 0
export const SSL_VERIFY_PEER = 1
export const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2
export const SSL_VERIFY_CLIENT_ONCE = 4
export const SSL_VERIFY_POST_HANDSHAKE = 8

export const SSL_OP_LEGACY_SERVER_CONNECT = 0x4
export const SSL_OP_TLSEXT_PADDING = 0x10
export const SSL_OP_SAFARI_ECDHE_ECDSA_BUG = 0x40
export const SSL_OP_ALLOW_NO_DHE_KEX = 0x400
export const SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS = 0x800
export const SSL_OP_NO_QUERY_MTU = 0x1000
export const SSL_OP_COOKIE_EXCHANGE = 0x2000
export const SSL_OP_NO_TICKET = 0x4000
export const SSL_OP_CISCO_ANYCONNECT = 0x8000
export const SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION = 0x10000
export const SSL_OP_NO_COMPRESSION = 0x20000
export const SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION = 0x40000
export const SSL_OP_NO_ENCRYPT_THEN_MAC = 0x80000
export const SSL_OP_ENABLE_MIDDLEBOX_COMPAT = 0x100000
export const SSL_OP_PRIORITIZE_CHACHA = 0x200000
export const SSL_OP_CIPHER_SERVER_PREFERENCE = 0x400000
export const SSL_OP_TLS_ROLLBACK_BUG = 0x800000
export const SSL_OP_NO_ANTI_REPLAY = 0x1000000
export const SSL_OP_NO_SSLv3 = 0x2000000
export const SSL_OP_NO_TLSv1 = 0x4000000
export const SSL_OP_NO_TLSv1_2 = 0x8000000
export const SSL_OP_NO_TLSv1_1 = 0x10000000
export const SSL_OP_NO_TLSv1_3 = 0x20000000
export const SSL_OP_NO_RENEGOTIATION = 0x40000000
export const SSL_OP_CRYPTOPRO_TLSEXT_BUG = 0x80000000
export const SSL_OP_NO_SSL_MASK = 0x3e000000
export const SSL_OP_ALL = 0x80000854
export const SSL_OP_SINGLE_DH_USE = 0
export const SSL_OP_SINGLE_ECDH_USE = 0
export const SSL_OP_NO_SSLv2 = 0

export const SSL_MODE_ENABLE_PARTIAL_WRITE = 1
export const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 2
export const SSL_MODE_AUTO_RETRY = 4
export const SSL_MODE_NO_AUTO_CHAIN = 8
export const SSL_MODE_RELEASE_BUFFERS = 0x10
export const SSL_MODE_SEND_CLIENTHELLO_TIME = 0x20
export const SSL_MODE_SEND_SERVERHELLO_TIME = 0x40
export const SSL_MODE_SEND_FALLBACK_SCSV = 0x80
export const SSL_MODE_ASYNC = 0x100

export const SSL_ST_CONNECT = 0x1000
export const SSL_ST_ACCEPT = 0x2000
export const SSL_ST_MASK = 0x0fff
export const SSL_CB_LOOP = 0x01
export const SSL_CB_EXIT = 0x02
export const SSL_CB_READ = 0x04
export const SSL_CB_WRITE = 0x08
export const SSL_CB_ALERT = 0x4000
export const SSL_CB_READ_ALERT = 0x4004
export const SSL_CB_WRITE_ALERT = 0x4008
export const SSL_CB_ACCEPT_LOOP = 0x2001
export const SSL_CB_ACCEPT_EXIT = 0x2002
export const SSL_CB_CONNECT_LOOP = 0x1001
export const SSL_CB_CONNECT_EXIT = 0x1002
export const SSL_CB_HANDSHAKE_START = 0x10
export const SSL_CB_HANDSHAKE_DONE = 0x20

export const SSL3_RT_CHANGE_CIPHER_SPEC = 20
export const SSL3_RT_ALERT = 21
export const SSL3_RT_HANDSHAKE = 22
export const SSL3_RT_APPLICATION_DATA = 23
export const SSL3_RT_HEADER = 0x100
export const SSL3_RT_INNER_CONTENT_TYPE = 0x101

export const SSL_SESS_CACHE_OFF = 0
export const SSL_SESS_CACHE_CLIENT = 1
export const SSL_SESS_CACHE_SERVER = 2
export const SSL_SESS_CACHE_BOTH = 3
export const SSL_SESS_CACHE_NO_AUTO_CLEAR = 0x80
export const SSL_SESS_CACHE_NO_INTERNAL_LOOKUP = 0x100
export const SSL_SESS_CACHE_NO_INTERNAL_STORE = 0x200
export const SSL_SESS_CACHE_NO_INTERNAL = 0x300
export const SSL_SESSION_CACHE_MAX_SIZE_DEFAULT = 20480
export const SSL_MAX_SID_CTX_LENGTH = 32
export const SSL_MAX_SSL_SESSION_ID_LENGTH = 32

export const SSL_TLSEXT_ERR_OK = 0
export const SSL_TLSEXT_ERR_ALERT_WARNING = 1
export const SSL_TLSEXT_ERR_ALERT_FATAL = 2
export const SSL_TLSEXT_ERR_NOACK = 3
export const TLSEXT_NAMETYPE_host_name = 0
export const TLSEXT_STATUSTYPE_ocsp = 1
export const TLSEXT_max_fragment_length_DISABLED = 0
export const TLSEXT_max_fragment_length_512 = 1
export const TLSEXT_max_fragment_length_1024 = 2
export const TLSEXT_max_fragment_length_2048 = 3
export const TLSEXT_max_fragment_length_4096 = 4
export const OPENSSL_NPN_UNSUPPORTED = 0
export const OPENSSL_NPN_NEGOTIATED = 1
export const OPENSSL_NPN_NO_OVERLAP = 2

export const SSL_CLIENT_HELLO_SUCCESS = 1
export const SSL_CLIENT_HELLO_ERROR = 0
export const SSL_CLIENT_HELLO_RETRY = -1

export const SSL_KEY_UPDATE_NONE = -1
export const SSL_KEY_UPDATE_NOT_REQUESTED = 0
export const SSL_KEY_UPDATE_REQUESTED = 1

export const SSL3_AL_WARNING = 1
export const SSL3_AL_FATAL = 2

export const SSL3_RT_MAX_PLAIN_LENGTH = 16384

export const X509_FILETYPE_PEM = 1
export const X509_FILETYPE_ASN1 = 2
export const X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT = 0x1
export const X509_CHECK_FLAG_NO_WILDCARDS = 0x2
export const X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 0x4
export const X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS = 0x8
export const X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS = 0x10
export const X509_CHECK_FLAG_NEVER_CHECK_SUBJECT = 0x20
export const X509_V_FLAG_TRUSTED_FIRST = 0x8000
export const X509_V_FLAG_PARTIAL_CHAIN = 0x80000

export const SSL_CONF_FLAG_CMDLINE = 0x1
export const SSL_CONF_FLAG_FILE = 0x2
export const SSL_CONF_FLAG_CLIENT = 0x4
export const SSL_CONF_FLAG_SERVER = 0x8
export const SSL_CONF_FLAG_SHOW_ERRORS = 0x10
export const SSL_CONF_FLAG_CERTIFICATE = 0x20
export const SSL_CONF_FLAG_REQUIRE_PRIVATE = 0x40
export const SSL_CONF_TYPE_UNKNOWN = 0
export const SSL_CONF_TYPE_STRING = 1
export const SSL_CONF_TYPE_FILE = 2
export const SSL_CONF_TYPE_DIR = 3
export const SSL_CONF_TYPE_NONE = 4

export const SSL_EARLY_DATA_NOT_SENT = 0
export const SSL_EARLY_DATA_REJECTED = 1
export const SSL_EARLY_DATA_ACCEPTED = 2
export const SSL_READ_EARLY_DATA_ERROR = 0
export const SSL_READ_EARLY_DATA_SUCCESS = 1
export const SSL_READ_EARLY_DATA_FINISH = 2

export const SSL_TICKET_FATAL_ERR_MALLOC = 0
export const SSL_TICKET_FATAL_ERR_OTHER = 1
export const SSL_TICKET_NONE = 2
export const SSL_TICKET_EMPTY = 3
export const SSL_TICKET_NO_DECRYPT = 4
export const SSL_TICKET_SUCCESS = 5
export const SSL_TICKET_SUCCESS_RENEW = 6
export const SSL_TICKET_RETURN_ABORT = 0
export const SSL_TICKET_RETURN_IGNORE = 1
export const SSL_TICKET_RETURN_IGNORE_RENEW = 2
export const SSL_TICKET_RETURN_USE = 3
export const SSL_TICKET_RETURN_USE_RENEW = 4

/** Where an extension of the program's own belongs (SSL_CTX_add_custom_ext(3)). */
export const SSL_EXT_TLS_ONLY = 0x0001
export const SSL_EXT_DTLS_ONLY = 0x0002
export const SSL_EXT_TLS_IMPLEMENTATION_ONLY = 0x0004
export const SSL_EXT_SSL3_ALLOWED = 0x0008
export const SSL_EXT_TLS1_2_AND_BELOW_ONLY = 0x0010
export const SSL_EXT_TLS1_3_ONLY = 0x0020
export const SSL_EXT_IGNORE_ON_RESUMPTION = 0x0040
export const SSL_EXT_CLIENT_HELLO = 0x0080
export const SSL_EXT_TLS1_2_SERVER_HELLO = 0x0100
export const SSL_EXT_TLS1_3_SERVER_HELLO = 0x0200
export const SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS = 0x0400
export const SSL_EXT_TLS1_3_HELLO_RETRY_REQUEST = 0x0800
export const SSL_EXT_TLS1_3_CERTIFICATE = 0x1000
export const SSL_EXT_TLS1_3_NEW_SESSION_TICKET = 0x2000
export const SSL_EXT_TLS1_3_CERTIFICATE_REQUEST = 0x4000

/** What SSL_check_chain says of a chain. */
export const CERT_PKEY_VALID = 0x1
export const CERT_PKEY_SIGN = 0x2
export const CERT_PKEY_EE_SIGNATURE = 0x10
export const CERT_PKEY_CA_SIGNATURE = 0x20
export const CERT_PKEY_EE_PARAM = 0x40
export const CERT_PKEY_CA_PARAM = 0x80
export const CERT_PKEY_EXPLICIT_SIGN = 0x100
export const CERT_PKEY_ISSUER_NAME = 0x200
export const CERT_PKEY_CERT_TYPE = 0x400
