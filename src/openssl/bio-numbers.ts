/** The numbers of bio.h in OpenSSL 1.1.1 that a program or a method of its own may meet. */

export const BIO_TYPE_DESCRIPTOR = 0x100
export const BIO_TYPE_FILTER = 0x200
export const BIO_TYPE_SOURCE_SINK = 0x400
export const BIO_TYPE_NONE = 0
export const BIO_TYPE_MEM = 0x401
export const BIO_TYPE_FILE = 0x402
export const BIO_TYPE_FD = 0x504
export const BIO_TYPE_SOCKET = 0x505
export const BIO_TYPE_NULL = 0x406
export const BIO_TYPE_SSL = 0x207
export const BIO_TYPE_BUFFER = 0x209
export const BIO_TYPE_BASE64 = 0x20b
export const BIO_TYPE_CONNECT = 0x50c
export const BIO_TYPE_ACCEPT = 0x50d
export const BIO_TYPE_NULL_FILTER = 0x211
export const BIO_TYPE_BIO = 0x413
/** The first number that BIO_get_new_index hands out is one above this. */
export const BIO_TYPE_START = 128

export const BIO_NOCLOSE = 0
export const BIO_CLOSE = 1

export const BIO_FLAGS_READ = 0x01
export const BIO_FLAGS_WRITE = 0x02
export const BIO_FLAGS_IO_SPECIAL = 0x04
export const BIO_FLAGS_RWS = 0x07
export const BIO_FLAGS_SHOULD_RETRY = 0x08
export const BIO_FLAGS_BASE64_NO_NL = 0x100
export const BIO_FLAGS_MEM_RDONLY = 0x200
export const BIO_FLAGS_NONCLEAR_RST = 0x400
export const BIO_FLAGS_IN_EOF = 0x800

export const BIO_RR_SSL_X509_LOOKUP = 1
export const BIO_RR_CONNECT = 2
export const BIO_RR_ACCEPT = 3

export const BIO_CB_FREE = 1
export const BIO_CB_READ = 2
export const BIO_CB_WRITE = 3
export const BIO_CB_PUTS = 4
export const BIO_CB_GETS = 5
export const BIO_CB_CTRL = 6
export const BIO_CB_RETURN = 0x80

export const BIO_CTRL_RESET = 1
export const BIO_CTRL_EOF = 2
export const BIO_CTRL_INFO = 3
export const BIO_CTRL_SET = 4
export const BIO_CTRL_GET = 5
export const BIO_CTRL_PUSH = 6
export const BIO_CTRL_POP = 7
export const BIO_CTRL_GET_CLOSE = 8
export const BIO_CTRL_SET_CLOSE = 9
export const BIO_CTRL_PENDING = 10
export const BIO_CTRL_FLUSH = 11
export const BIO_CTRL_DUP = 12
export const BIO_CTRL_WPENDING = 13
export const BIO_CTRL_PEEK = 29

export const BIO_C_SET_CONNECT = 100
export const BIO_C_DO_STATE_MACHINE = 101
export const BIO_C_SET_NBIO = 102
export const BIO_C_SET_FD = 104
export const BIO_C_GET_FD = 105
export const BIO_C_SET_SSL = 109
export const BIO_C_GET_SSL = 110
export const BIO_C_SET_BUF_MEM = 114
export const BIO_C_GET_BUF_MEM_PTR = 115
export const BIO_C_GET_BUFF_NUM_LINES = 116
export const BIO_C_SET_BUFF_SIZE = 117
export const BIO_C_SET_ACCEPT = 118
export const BIO_C_SSL_MODE = 119
export const BIO_C_SET_BUFF_READ_DATA = 122
export const BIO_C_GET_CONNECT = 123
export const BIO_C_GET_ACCEPT = 124
export const BIO_C_SET_SSL_RENEGOTIATE_BYTES = 125
export const BIO_C_GET_SSL_NUM_RENEGOTIATES = 126
export const BIO_C_SET_SSL_RENEGOTIATE_TIMEOUT = 127
export const BIO_C_SET_BUF_MEM_EOF_RETURN = 130
export const BIO_C_SET_BIND_MODE = 131
export const BIO_C_GET_BIND_MODE = 132
export const BIO_C_SET_WRITE_BUF_SIZE = 136
export const BIO_C_GET_WRITE_BUF_SIZE = 137
export const BIO_C_MAKE_BIO_PAIR = 138
export const BIO_C_DESTROY_BIO_PAIR = 139
export const BIO_C_GET_WRITE_GUARANTEE = 140
export const BIO_C_GET_READ_REQUEST = 141
export const BIO_C_SHUTDOWN_WR = 142
export const BIO_C_NREAD0 = 143
export const BIO_C_NREAD = 144
export const BIO_C_NWRITE0 = 145
export const BIO_C_NWRITE = 146
export const BIO_C_RESET_READ_REQUEST = 147
/** Ours: how long a call that blocks may take, in milliseconds; 0 is for ever. */
export const BIO_C_SET_TIMEOUT = 0x7001

export const BIO_FAMILY_IPV4 = 4
export const BIO_FAMILY_IPV6 = 6
export const BIO_FAMILY_IPANY = 256

export const BIO_BIND_NORMAL = 0
export const BIO_BIND_REUSEADDR_IF_UNUSED = 1
export const BIO_BIND_REUSEADDR = 2
