import { type BIO, BIO_METHOD, BIO_new } from './bio.ts'
import { BIO_s_mem, BIO_set_mem_buf } from './bio-mem.ts'
import { BIO_FLAGS_MEM_RDONLY, BIO_TYPE_FILE } from './bio-numbers.ts'
import { BIOerr, ERR_add_error_data, ERR_R_SYS_LIB, SYSerr } from './err.ts'
import { errnoOf, errnos, readFile } from './platform.ts'

/** Files to read from (BIO_s_file(3)), for certificates and keys: the whole file at once. */

const { read, write, puts, gets, ctrl, create, ready } = BIO_s_mem()
const fileMethod = new BIO_METHOD(BIO_TYPE_FILE, 'FILE pointer', { read, write, puts, gets, ctrl, create, ready })

export const BIO_s_file = (): BIO_METHOD => fileMethod

/**
 * A BIO over a file's contents. null with the system's error and a BIO error in the queue. `mode` is `r` or `rb`: what
 * would write is refused (reason "bad fopen mode").
 */
export const BIO_new_file = (filename: string, mode: string): BIO | null => {
  if (mode !== 'r' && mode !== 'rb') {
    BIOerr('BAD_FOPEN_MODE', FILE)
    ERR_add_error_data(`files are opened with "r" or "rb", not "${mode}"`)
    return null
  }
  let data: Uint8Array
  try {
    data = readFile(filename)
  } catch (error) {
    const errno = errnoOf(error)
    SYSerr('fopen', errno, FILE)
    ERR_add_error_data(`fopen('${filename}','${mode}')`)
    BIOerr(errno === errnos['ENOENT'] ? 'NO_SUCH_FILE' : ERR_R_SYS_LIB, FILE)
    return null
  }
  const bio = BIO_new(fileMethod)
  if (bio === null) return null
  BIO_set_mem_buf(bio, { data, length: data.length }, 1)
  bio.flags |= BIO_FLAGS_MEM_RDONLY
  bio.num = 0
  return bio
}

const FILE = 'openssl/bio-file.ts'
