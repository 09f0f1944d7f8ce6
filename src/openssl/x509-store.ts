import { Misuse } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { loadCertificates } from '../x509/load.ts'
import { Store } from '../x509/store.ts'
import { type Counted, held, release, upRef } from './counted.ts'
import {
  BIOerr,
  ERR_add_error_data,
  ERR_LIB_X509,
  ERR_put_error,
  ERR_R_PASSED_INVALID_ARGUMENT,
  ERR_R_SYS_LIB,
  SYSerr,
} from './err.ts'
import { defaultCertificates, errnoOf, errnos, filesIn, readFile } from './platform.ts'
import type { SSL } from './ssl.ts'
import { X509_V_FLAG_PARTIAL_CHAIN, X509_V_FLAG_TRUSTED_FIRST } from './ssl-numbers.ts'
import { readCertificates, X509 } from './x509.ts'

/** Whom to trust (X509_STORE_new(3)), and a verification as its callback sees it (X509_STORE_CTX_get_error(3)). */

/** Trusted certificates. */
export class X509_STORE implements Counted {
  readonly kind = 'X509_STORE'
  references = 1
  flags = 0
  readonly #store = new Store()
  /** Folders that are read when somebody first needs to trust somebody. */
  #folders: string[] = []

  add(certificate: Certificate): boolean {
    return this.#store.add(certificate)
  }

  addFolder(path: string): void {
    this.#folders.push(path)
  }

  get anchors(): Store {
    const folders = this.#folders
    this.#folders = []
    for (const folder of folders) for (const certificate of inFolder(folder)) this.#store.add(certificate)
    return this.#store
  }
}

/** Folders are laid out as `openssl rehash` does: what is not named by a hash is none of their certificates. */
const HASHED = /^[0-9a-f]{8}\.\d+$/

const inFolder = (folder: string): Certificate[] =>
  filesIn(folder).flatMap((name) => {
    if (!HASHED.test(name)) return []
    try {
      return [...loadCertificates(readFile(`${folder}/${name}`))]
    } catch {
      return [] // as in C, a file that cannot be read holds nobody to trust
    }
  })

export const X509_STORE_new = (): X509_STORE => new X509_STORE()
export const X509_STORE_up_ref = (store: X509_STORE): 0 | 1 => upRef(store)
export const X509_STORE_free = (store: X509_STORE | null): void => void release(store)
/** 1, also for a certificate that is there already. */
export const X509_STORE_add_cert = (store: X509_STORE, x: X509): 0 | 1 => {
  held(store).add(held(x).certificate)
  return 1
}

/**
 * Takes in the certificates of a PEM file, and those of a folder whose files are named by hash (openssl-rehash(1)). Either
 * may be null, not both. 0 with entries in the queue when the file cannot be read or holds none.
 */
export const X509_STORE_load_locations = (store: X509_STORE, file: string | null, dir: string | null): 0 | 1 => {
  held(store)
  if (file === null && dir === null) return 0
  if (file !== null) {
    const data = readOrReport(file)
    const found = data && readCertificates(data, 'pem')
    if (!found) {
      if (data) ERR_put_error(ERR_LIB_X509, 0, PEM_LIB, FILE, 0)
      return 0
    }
    for (const certificate of found) store.add(certificate)
  }
  if (dir !== null) store.addFolder(dir)
  return 1
}

/** Trusts whom the system trusts: SSL_CERT_FILE and SSL_CERT_DIR, or the platform's usual places. 1 in any case. */
export const X509_STORE_set_default_paths = (store: X509_STORE): 0 | 1 => {
  const { file, dir } = defaultCertificates()
  for (const path of file) {
    try {
      for (const certificate of loadCertificates(readFile(path))) held(store).add(certificate)
      break
    } catch {
      // the next place
    }
  }
  for (const path of dir) held(store).addFolder(path)
  return 1
}

export const KNOWN_FLAGS = X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN
/** TRUSTED_FIRST (always so here) and PARTIAL_CHAIN. Any other flag is refused: 0 with an error. */
export const X509_STORE_set_flags = (store: X509_STORE, flags: number): 0 | 1 => {
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    ERR_put_error(ERR_LIB_X509, 0, ERR_R_PASSED_INVALID_ARGUMENT, FILE, 0)
    ERR_add_error_data(`verification flags 0x${(flags & ~KNOWN_FLAGS).toString(16)} are not supported`)
    return 0
  }
  held(store).flags |= flags
  return 1
}

const FILE = 'openssl/x509-store.ts'
const PEM_LIB = 9

const readOrReport = (file: string): Uint8Array | undefined => {
  try {
    return readFile(file)
  } catch (error) {
    const errno = errnoOf(error)
    SYSerr('fopen', errno, FILE)
    ERR_add_error_data(`fopen('${file}','r')`)
    BIOerr(errno === errnos['ENOENT'] ? 'NO_SUCH_FILE' : ERR_R_SYS_LIB, FILE)
    ERR_put_error(ERR_LIB_X509, 0, ERR_R_SYS_LIB, FILE, 0)
    return undefined
  }
}

/** One verification, during its callbacks. */
export class X509_STORE_CTX {
  readonly ssl: SSL
  /** What the peer sent, leaf first. */
  readonly sent: readonly Certificate[]
  chain: readonly Certificate[] = []
  error = 0
  depth = 0
  current: Certificate | null = null
  /** Verifies as the library would; undefined outside of a callback that replaces it. */
  verify: (() => number) | undefined

  constructor(ssl: SSL, sent: readonly Certificate[]) {
    this.ssl = ssl
    this.sent = sent
  }
}

export const X509_STORE_CTX_get_error = (c: X509_STORE_CTX): number => c.error
export const X509_STORE_CTX_set_error = (c: X509_STORE_CTX, e: number): void => {
  c.error = e
}
export const X509_STORE_CTX_get_error_depth = (c: X509_STORE_CTX): number => c.depth
export const X509_STORE_CTX_set_error_depth = (c: X509_STORE_CTX, depth: number): void => {
  c.depth = depth
}
export const X509_STORE_CTX_get_current_cert = (c: X509_STORE_CTX): X509 | null => c.current && new X509(c.current)
/** The peer's own certificate. */
export const X509_STORE_CTX_get0_cert = (c: X509_STORE_CTX): X509 | null => (c.sent[0] ? new X509(c.sent[0]) : null)
/** The path so far, leaf first. */
export const X509_STORE_CTX_get0_chain = (c: X509_STORE_CTX): X509[] => c.chain.map((one) => new X509(one))
/** What the peer sent. */
export const X509_STORE_CTX_get0_untrusted = (c: X509_STORE_CTX): X509[] => c.sent.map((one) => new X509(one))
/** The place of X509_STORE_CTX_get_ex_data where the SSL is. */
export const SSL_get_ex_data_X509_STORE_CTX_idx = (): number => 0
export const X509_STORE_CTX_get_ex_data = (c: X509_STORE_CTX, idx: number): unknown => (idx === 0 ? c.ssl : null)

/** Verifies the chain as the library would have, from within SSL_CTX_set_cert_verify_callback: 1 or 0. */
export const X509_verify_cert = (c: X509_STORE_CTX): number => {
  if (c.verify === undefined)
    throw new Misuse('X509_verify_cert works inside of a callback of SSL_CTX_set_cert_verify_callback')
  return c.verify()
}
