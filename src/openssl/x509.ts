import { equal } from '../bytes/compare.ts'
import { hex, latin1, utf8 } from '../bytes/text.ts'
import type { PrivateKey, Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { isPromise } from '../task.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { loadPrivateKey, type Password } from '../x509/keys.ts'
import { loadCertificates } from '../x509/load.ts'
import { type Name, slashed } from '../x509/name.ts'
import { writePem } from '../x509/pem.ts'
import { keyBytes } from '../x509/spki.ts'
import { verdictText } from '../x509/verdicts.ts'
import { type BIO, BIO_gets, BIO_puts } from './bio.ts'
import { type Counted, held, release, upRef } from './counted.ts'
import { ERR_add_error_data, ERR_LIB_ASN1, ERR_LIB_EVP, ERR_LIB_PEM, ERR_put_error } from './err.ts'

/** Certificates, names and keys as a program hands them to SSL functions (d2i_X509(3), PEM_read_bio_X509(3)). */

/** A certificate. */
export class X509 implements Counted {
  readonly kind = 'X509'
  references = 1
  readonly certificate: Certificate

  constructor(certificate: Certificate) {
    this.certificate = certificate
  }
}

/** A distinguished name. */
export class X509_NAME {
  readonly name: Name

  constructor(name: Name) {
    this.name = name
  }
}

/** A private key, near or far. */
export class EVP_PKEY implements Counted {
  readonly kind = 'EVP_PKEY'
  references = 1
  readonly key: PrivateKey

  /** Of any key that can sign, also one that answers later: the handshake then pauses with SSL_ERROR_WANT_ASYNC. */
  constructor(key: PrivateKey) {
    this.key = key
  }
}

export const X509_up_ref = (x: X509): 0 | 1 => upRef(x)
export const X509_free = (x: X509 | null): void => void release(x)
export const EVP_PKEY_up_ref = (pkey: EVP_PKEY): 0 | 1 => upRef(pkey)
export const EVP_PKEY_free = (pkey: EVP_PKEY | null): void => void release(pkey)

/** Ours: the wrapped form of a certificate that our X.509 functions gave. */
export const X509_of = (certificate: Certificate): X509 => new X509(certificate)

/** A certificate from its DER (copied); null with an error in the queue. */
export const d2i_X509 = (bytes: Uint8Array): X509 | null => {
  try {
    return new X509(parseCertificate(bytes.slice()))
  } catch (error) {
    asn1Failure(error)
    return null
  }
}
/** Its DER; a view. */
export const i2d_X509 = (x: X509): Uint8Array => held(x).certificate.raw

/** The first certificate of PEM text; null with an error in the queue. */
export const PEM_read_bio_X509 = (bio: BIO): X509 | null => {
  const found = readCertificates(nextBlock(bio, 'CERTIFICATE'), 'pem')
  return found?.[0] ? new X509(found[0]) : null
}
export const PEM_write_bio_X509 = (bio: BIO, x: X509): 0 | 1 =>
  BIO_puts(bio, writePem('CERTIFICATE', held(x).certificate.raw)) > 0 ? 1 : 0

/** As PEM_read_bio_PrivateKey(3), for the keys that this provider reads at once. */
export const PEM_read_bio_PrivateKey_ex = (bio: BIO, provider: Provider, password?: Password): EVP_PKEY | null =>
  readKey(nextBlock(bio, 'PRIVATE KEY'), 'pem', provider, password)

export const X509_get_subject_name = (x: X509): X509_NAME => new X509_NAME(held(x).certificate.subject)
export const X509_get_issuer_name = (x: X509): X509_NAME => new X509_NAME(held(x).certificate.issuer)
/** `/C=DE/O=Example/CN=example.com`, at most `size` - 1 characters. */
export const X509_NAME_oneline = (name: X509_NAME, size = Number.POSITIVE_INFINITY): string =>
  slashed(name.name).slice(0, size - 1)
/** 0 when they are the same certificate. */
export const X509_cmp = (a: X509, b: X509): number => (held(a).certificate.equals(held(b).certificate) ? 0 : 1)
/** 0 when they are the same name. */
export const X509_NAME_cmp = (a: X509_NAME, b: X509_NAME): number => (a.name.key === b.name.key ? 0 : 1)
/** The serial number in hexadecimal, for people. */
export const X509_get_serial_text = (x: X509): string => hex(held(x).certificate.serial).toUpperCase()

/** OpenSSL's text for an X509_V number. */
export const X509_verify_cert_error_string = (n: number): string => verdictText(n)

/** Whether the key is the certificate's: 1 or 0. */
export const X509_check_private_key = (x: X509, pkey: EVP_PKEY): 0 | 1 =>
  fits(held(x).certificate, held(pkey).key) ? 1 : 0

export const fits = (certificate: Certificate, key: PrivateKey): boolean => {
  if (certificate.key.type !== key.facts.type) return false
  const shown = keyBytes(certificate.spki)
  const ours = keyBytes(key.spki)
  return equal(shown, ours) || (key.facts.type === 'ec' && equal(compressed(shown), compressed(ours)))
}

/** A point in its short form: 2 or 3 by the last bit of y, then x (SEC 1 section 2.3.3). */
const compressed = (point: Uint8Array): Uint8Array => {
  if (point[0] !== 4) return point
  const short = point.slice(0, (point.length + 1) / 2)
  short[0] = 2 + ((point.at(-1) as number) & 1)
  return short
}

// ---- reading, with OpenSSL's errors

const FILE = 'openssl/x509.ts'
const NO_START_LINE = 108
const WRONG_TAG = 168
const BAD_DECRYPT = 100

const asn1Failure = (error: unknown): void => {
  ERR_put_error(ERR_LIB_ASN1, 0, WRONG_TAG, FILE, 0)
  if (error instanceof Error) ERR_add_error_data(error.message)
}

/** Every certificate in a text or the one in DER; undefined with an entry in the queue. */
export const readCertificates = (data: Uint8Array, form: 'pem' | 'der'): readonly Certificate[] | undefined => {
  try {
    return form === 'der' ? [parseCertificate(data)] : loadCertificates(latin1(data))
  } catch (error) {
    if (form === 'pem' && (error as Error).name === 'PemError') noStartLine('CERTIFICATE')
    else asn1Failure(error)
    return undefined
  }
}

/** The first key in a text, or the one in DER; null with an entry in the queue. */
export const readKey = (
  data: Uint8Array,
  form: 'pem' | 'der',
  provider: Provider,
  password: Password | undefined,
): EVP_PKEY | null => {
  try {
    const key = loadPrivateKey(form === 'pem' ? latin1(data) : data, provider, password)
    if (!isPromise(key)) return new EVP_PKEY(key)
  } catch (error) {
    const { name, message } = error as Error
    if (name === 'PemError') noStartLine('ANY PRIVATE KEY')
    else if (name === 'KeyError') {
      ERR_put_error(ERR_LIB_EVP, 0, BAD_DECRYPT, FILE, 0)
      ERR_add_error_data(message)
    } else asn1Failure(error)
    return null
  }
  throw new Misuse(`the provider ${provider.name} reads keys later; await its privateKey() and pass new EVP_PKEY(key)`)
}

const noStartLine = (wanted: string): void => {
  ERR_put_error(ERR_LIB_PEM, 0, NO_START_LINE, FILE, 0)
  ERR_add_error_data(`Expecting: ${wanted}`)
}

/** The next PEM block of that kind, with its armour; what stands before it is passed over. */
export const nextBlock = (bio: BIO, label: string): Uint8Array => {
  const line = new Uint8Array(256)
  let block = ''
  for (let n = BIO_gets(bio, line); n > 0; n = BIO_gets(bio, line)) {
    const said = latin1(line.subarray(0, n))
    if (block !== '' || /^-----BEGIN .*-----\s*$/.test(said)) block += said
    if (!said.startsWith('-----END ')) continue
    if (said.includes(`${label}-----`)) break
    block = ''
  }
  return utf8(block)
}
