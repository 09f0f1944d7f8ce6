import type { Identity } from '../config.ts'
import { TlsError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { Certificate } from '../x509/certificate.ts'
import { DerReader } from '../x509/der.ts'
import { readName } from '../x509/name.ts'
import { held, upRef } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import {
  BIOerr,
  ERR_add_error_data,
  ERR_LIB_SSL,
  ERR_LIB_X509,
  ERR_put_error,
  ERR_R_SYS_LIB,
  SSLerr,
  SYSerr,
} from './err.ts'
import { errnoOf, filesIn, readFile } from './platform.ts'
import type { CertCallback, Holder, Slot } from './settings.ts'
import type { SSL } from './ssl.ts'
import { SSL_FILETYPE_ASN1, SSL_FILETYPE_PEM, SSL_MODE_NO_AUTO_CHAIN } from './ssl-numbers.ts'
import { weaknessOf } from './strength.ts'
import { type EVP_PKEY, fits, X509_NAME as Name, readCertificates, readKey, X509, type X509_NAME } from './x509.ts'

/** Our own certificates and keys (SSL_CTX_use_certificate(3)), and the names of authorities that we send. */

/** Either side of the pair: a context, or an SSL with its context. */
type Owner = Holder & { readonly kind: string; references: number }
const contextOf = (owner: Owner): SSL_CTX => (owner.kind === 'SSL' ? (owner as SSL).ctx : (owner as SSL_CTX))

/** What may be shown to a peer: certificates that have their key, the one loaded last first. */
export const identitiesOf = (ssl: SSL): Identity[] => {
  const { slots, current, mode } = ssl.settings
  const found: Identity[] = []
  let weak: Reason | undefined
  for (const [type, { certificate, key, chain }] of slots) {
    if (!certificate || !key) continue
    const above = chain?.length ? chain : ssl.ctx.extraChain
    const issuers =
      above.length > 0 || (mode & SSL_MODE_NO_AUTO_CHAIN) !== 0
        ? above.map((one) => one.certificate)
        : issuersAtHand(ssl, certificate.certificate)
    const whole = [certificate.certificate, ...issuers]
    const weakness = weaknessOf(whole, ssl.settings.securityLevel)
    weak ??= weakness
    if (weakness !== undefined) continue
    const identity = { chain: whole.map((one) => one.raw), key: key.key }
    if (type === current) found.unshift(identity)
    else found.push(identity)
  }
  if (weak !== undefined && found.length === 0)
    throw new TlsError(
      'internal_error',
      weak,
      `security level ${ssl.settings.securityLevel} forbids our own certificate`,
    )
  return found
}

/** Without a chain of the program's, what the store knows is sent along (SSL_MODE_NO_AUTO_CHAIN forbids it). */
const issuersAtHand = ({ ctx, settings }: SSL, leaf: Certificate): Certificate[] => {
  const { anchors } = settings.chainStore ?? ctx.store
  const chain: Certificate[] = []
  for (let last = leaf; !last.selfSigned && chain.length < 10; ) {
    const issuer = anchors.bySubject(last.issuer.key)[0]
    if (!issuer || chain.includes(issuer)) break
    chain.push(issuer)
    last = issuer
  }
  return chain
}

const slotOf = ({ settings }: Owner, type: string): Slot => {
  const known = settings.slots.get(type)
  if (known) return known
  const slot: Slot = { type }
  settings.slots = new Map([...settings.slots, [type, slot]])
  return slot
}

const useCertificate = (owner: Owner, x: X509): 0 | 1 => {
  const { certificate } = held(x)
  const weakness = weaknessOf([certificate], held(owner).settings.securityLevel)
  if (weakness !== undefined) {
    SSLerr(null, weakness, FILE)
    return 0
  }
  const slot = slotOf(held(owner), certificate.key.type)
  // as in C: a key that does not fit goes, for it belongs to another certificate
  if (slot.key && !fits(certificate, slot.key.key)) delete slot.key
  upRef(x)
  slot.certificate = x
  delete slot.chain
  owner.settings.current = slot.type
  return 1
}

const KEY_VALUES_MISMATCH = 116
const usePrivateKey = (owner: Owner, pkey: EVP_PKEY): 0 | 1 => {
  const { key } = held(pkey)
  const slot = slotOf(held(owner), key.facts.type)
  if (slot.certificate && !fits(slot.certificate.certificate, key)) {
    delete slot.certificate
    ERR_put_error(ERR_LIB_X509, 0, KEY_VALUES_MISMATCH, FILE, 0)
    return 0
  }
  upRef(pkey)
  slot.key = pkey
  owner.settings.current = slot.type
  return 1
}

/** Reads a file, or leaves OpenSSL's three entries in the queue. */
export const fileOf = (file: string): Uint8Array | undefined => {
  try {
    return readFile(file)
  } catch (error) {
    SYSerr('fopen', errnoOf(error), FILE)
    ERR_add_error_data(`fopen('${file}','r')`)
    BIOerr(ERR_R_SYS_LIB, FILE)
    ERR_put_error(ERR_LIB_SSL, 0, ERR_R_SYS_LIB, FILE, 0)
    return undefined
  }
}

const formOf = (type: number): 'pem' | 'der' | undefined => {
  if (type === SSL_FILETYPE_PEM) return 'pem'
  if (type === SSL_FILETYPE_ASN1) return 'der'
  SSLerr(null, 'BAD_SSL_FILETYPE', FILE)
  return undefined
}

const useCertificateFile = (owner: Owner, file: string, type: number): 0 | 1 => {
  const data = fileOf(file)
  const form = data && formOf(type)
  if (!data || !form) return 0
  const found = readCertificates(data, form)
  if (found?.[0]) return useCertificate(owner, new X509(found[0]))
  SSLerr(null, form === 'pem' ? 'PEM_LIB' : 'ASN1_LIB', FILE)
  return 0
}

const useChainFile = (owner: Owner, file: string): 0 | 1 => {
  const data = fileOf(file)
  if (!data) return 0
  const found = readCertificates(data, 'pem')
  if (!found?.[0]) {
    SSLerr(null, 'PEM_LIB', FILE)
    return 0
  }
  const [leaf, ...above] = found
  if (useCertificate(owner, new X509(leaf as Certificate)) === 0) return 0
  slotOf(owner, (leaf as Certificate).key.type).chain = above.map((one) => new X509(one))
  return 1
}

const useKeyFile = (owner: Owner, file: string, type: number): 0 | 1 => {
  const data = fileOf(file)
  const form = data && formOf(type)
  if (!data || !form) return 0
  const { provider } = contextOf(owner)
  const passwordCallback = owner.settings.passwordCallback ?? contextOf(owner).passwordCallback
  const passwordArgument = owner.settings.passwordArgument ?? contextOf(owner).passwordArgument
  const password = passwordCallback ? () => passwordCallback(1024, 0, passwordArgument) ?? undefined : undefined
  const pkey = readKey(data, form, provider, password)
  if (pkey) return usePrivateKey(owner, pkey)
  SSLerr(null, form === 'pem' ? 'PEM_LIB' : 'ASN1_LIB', FILE)
  return 0
}

const useBoth = (owner: Owner, x: X509, pkey: EVP_PKEY, chain: readonly X509[] | null, override: number): 0 | 1 => {
  if (!fits(held(x).certificate, held(pkey).key)) {
    ERR_put_error(ERR_LIB_X509, 0, KEY_VALUES_MISMATCH, FILE, 0)
    return 0
  }
  const slot = slotOf(held(owner), pkey.key.facts.type)
  if (override === 0 && (slot.certificate || slot.key || slot.chain)) {
    SSLerr(null, 'NOT_REPLACING_CERTIFICATE', FILE)
    return 0
  }
  delete slot.key
  if (useCertificate(owner, x) === 0) return 0
  if (chain) slot.chain = [...chain]
  return usePrivateKey(owner, pkey)
}

const checkPrivateKey = (owner: Owner): 0 | 1 => {
  const { settings } = held(owner)
  const slot = settings.current === null ? undefined : settings.slots.get(settings.current)
  if (!slot?.certificate) {
    SSLerr('SSL_CTX_check_private_key', 'NO_CERTIFICATE_ASSIGNED', FILE)
    return 0
  }
  if (slot.key) return 1
  SSLerr('SSL_CTX_check_private_key', 'NO_PRIVATE_KEY_ASSIGNED', FILE)
  return 0
}

const currentSlot = ({ settings }: Owner): Slot | undefined =>
  settings.current === null ? undefined : settings.slots.get(settings.current)

const addChain = (owner: Owner, x: X509): 0 | 1 => {
  const slot = currentSlot(held(owner))
  if (!slot) return 0
  slot.chain = [...(slot.chain ?? []), held(x)]
  return 1
}
const add1Chain = (owner: Owner, x: X509): 0 | 1 => addChain(owner, x) && upRef(x)
const clearChain = (owner: Owner): 0 | 1 => {
  const slot = currentSlot(held(owner))
  if (!slot) return 0
  delete slot.chain
  return 1
}
const getCertificate = (owner: Owner): X509 | null => currentSlot(held(owner))?.certificate ?? null
const getKey = (owner: Owner): EVP_PKEY | null => currentSlot(held(owner))?.key ?? null

/** The certificate to show; one for each kind of key may be loaded. A key that does not fit it is forgotten. */
export const SSL_CTX_use_certificate: (ctx: SSL_CTX, x: X509) => 0 | 1 = useCertificate
export const SSL_use_certificate: (ssl: SSL, x: X509) => 0 | 1 = useCertificate
/** The key of the certificate. 0 if it does not fit the one that is loaded, which is then forgotten. */
export const SSL_CTX_use_PrivateKey: (ctx: SSL_CTX, pkey: EVP_PKEY) => 0 | 1 = usePrivateKey
export const SSL_use_PrivateKey: (ssl: SSL, pkey: EVP_PKEY) => 0 | 1 = usePrivateKey
/** The first certificate of a file: SSL_FILETYPE_PEM, or SSL_FILETYPE_ASN1 for DER. */
export const SSL_CTX_use_certificate_file: (ctx: SSL_CTX, file: string, type: number) => 0 | 1 = useCertificateFile
export const SSL_use_certificate_file: (ssl: SSL, file: string, type: number) => 0 | 1 = useCertificateFile
/** A PEM file with the certificate first and its issuers after it. */
export const SSL_CTX_use_certificate_chain_file: (ctx: SSL_CTX, file: string) => 0 | 1 = useChainFile
export const SSL_use_certificate_chain_file: (ssl: SSL, file: string) => 0 | 1 = useChainFile
/** The first key of a file; a password is asked of SSL_CTX_set_default_passwd_cb. */
export const SSL_CTX_use_PrivateKey_file: (ctx: SSL_CTX, file: string, type: number) => 0 | 1 = useKeyFile
export const SSL_use_PrivateKey_file: (ssl: SSL, file: string, type: number) => 0 | 1 = useKeyFile
/** Certificate, key and chain at once. `override` 0: not if there is something of that kind already. */
export const SSL_CTX_use_cert_and_key: (
  ctx: SSL_CTX,
  x: X509,
  pkey: EVP_PKEY,
  chain: readonly X509[] | null,
  override: number,
) => 0 | 1 = useBoth
export const SSL_use_cert_and_key: (
  ssl: SSL,
  x: X509,
  pkey: EVP_PKEY,
  chain: readonly X509[] | null,
  override: number,
) => 0 | 1 = useBoth
/** 1 if the certificate loaded last has its key. */
export const SSL_CTX_check_private_key: (ctx: SSL_CTX) => 0 | 1 = checkPrivateKey
export const SSL_check_private_key: (ssl: SSL) => 0 | 1 = checkPrivateKey
export const SSL_CTX_add0_chain_cert: (ctx: SSL_CTX, x: X509) => 0 | 1 = addChain
export const SSL_add0_chain_cert: (ssl: SSL, x: X509) => 0 | 1 = addChain
export const SSL_CTX_add1_chain_cert: (ctx: SSL_CTX, x: X509) => 0 | 1 = add1Chain
export const SSL_add1_chain_cert: (ssl: SSL, x: X509) => 0 | 1 = add1Chain
export const SSL_CTX_clear_chain_certs: (ctx: SSL_CTX) => 0 | 1 = clearChain
export const SSL_clear_chain_certs: (ssl: SSL) => 0 | 1 = clearChain
export const SSL_CTX_get0_certificate: (ctx: SSL_CTX) => X509 | null = getCertificate
export const SSL_get_certificate: (ssl: SSL) => X509 | null = getCertificate
export const SSL_CTX_get0_privatekey: (ctx: SSL_CTX) => EVP_PKEY | null = getKey
export const SSL_get_privatekey: (ssl: SSL) => EVP_PKEY | null = getKey

/** An issuer to send along with every certificate that has no chain of its own. */
export const SSL_CTX_add_extra_chain_cert = (ctx: SSL_CTX, x: X509): 0 | 1 => {
  held(ctx).extraChain = [...ctx.extraChain, held(x)]
  return 1
}
export const SSL_CTX_clear_extra_chain_certs = (ctx: SSL_CTX): 0 | 1 => {
  held(ctx).extraChain = []
  return 1
}
export const SSL_CTX_get_extra_chain_certs = (ctx: SSL_CTX): readonly X509[] => held(ctx).extraChain

/** Asked for the password of an encrypted key: `cb(size, rwflag, u)`; null when there is none. */
export const SSL_CTX_set_default_passwd_cb = (ctx: SSL_CTX, cb: SSL_CTX['passwordCallback']): void => {
  held(ctx).passwordCallback = cb
}
export const SSL_CTX_set_default_passwd_cb_userdata = (ctx: SSL_CTX, u: unknown): void => {
  held(ctx).passwordArgument = u
}

/** As SSL_CTX_set_cert_cb, for one SSL. */
export const SSL_set_cert_cb = (ssl: SSL, cb: CertCallback | null, arg: unknown): void => {
  const { settings } = held(ssl)
  settings.certCallback = cb
  settings.certCallbackArgument = arg
}
/** Asked by a client without a certificate of its own: `{ ret: 1, x509, pkey }`, 0 for none, less than 0 to ask again. */
export const SSL_CTX_set_client_cert_cb = (ctx: SSL_CTX, cb: SSL_CTX['clientCertCallback']): void => {
  held(ctx).clientCertCallback = cb
}

// ---- names of authorities

const setCaList = (owner: Owner, list: readonly X509_NAME[]): void => {
  held(owner).settings.caList = [...list]
}
const setClientCaList = (owner: Owner, list: readonly X509_NAME[]): void => {
  held(owner).settings.clientCaList = [...list]
}
/** The authorities that we name to the peer. */
export const SSL_CTX_set0_CA_list: (ctx: SSL_CTX, list: readonly X509_NAME[]) => void = setCaList
export const SSL_set0_CA_list: (ssl: SSL, list: readonly X509_NAME[]) => void = setCaList
/** The same for what a server asks its clients, where it differs. */
export const SSL_CTX_set_client_CA_list: (ctx: SSL_CTX, list: readonly X509_NAME[]) => void = setClientCaList
export const SSL_set_client_CA_list: (ssl: SSL, list: readonly X509_NAME[]) => void = setClientCaList
export const SSL_CTX_get_client_CA_list = (ctx: SSL_CTX): readonly X509_NAME[] | null => held(ctx).settings.clientCaList
/** A client: what the server named. A server: what it will name. */
export const SSL_get_client_CA_list = (ssl: SSL): readonly X509_NAME[] | null =>
  held(ssl).role === 'client' ? SSL_get0_peer_CA_list(ssl) : ssl.settings.clientCaList
export const SSL_get0_CA_list = (ssl: SSL): readonly X509_NAME[] => held(ssl).settings.caList
/** What the peer named; null if it named none. */
export const SSL_get0_peer_CA_list = (ssl: SSL): X509_NAME[] | null =>
  held(ssl).connection?.facts.peerAuthorities?.map(
    (der) => new Name(readName(new DerReader(der, 'the name of an authority'), 'the name of an authority')),
  ) ?? null
/** The subjects of the certificates in a PEM file, each once; null if it cannot be read. */
export const SSL_load_client_CA_file = (file: string): X509_NAME[] | null => {
  const data = fileOf(file)
  const found = data && readCertificates(data, 'pem')
  if (!found) return null
  const subjects = new Map(found.map(({ subject }) => [subject.key, subject]))
  return [...subjects.values()].map((name) => new Name(name))
}

const fromDer = (owner: Owner, der: Uint8Array): 0 | 1 => {
  const found = readCertificates(der.slice(), 'der')
  return found?.[0] ? useCertificate(owner, new X509(found[0])) : 0
}
const keyFromDer = (owner: Owner, der: Uint8Array): 0 | 1 => {
  const pkey = readKey(der.slice(), 'der', contextOf(owner).provider, undefined)
  return pkey ? usePrivateKey(owner, pkey) : 0
}
/** The certificate in `len` bytes of DER. */
export const SSL_CTX_use_certificate_ASN1 = (ctx: SSL_CTX, len: number, d: Uint8Array): 0 | 1 =>
  fromDer(ctx, d.subarray(0, len))
export const SSL_use_certificate_ASN1 = (ssl: SSL, d: Uint8Array, len: number): 0 | 1 =>
  fromDer(ssl, d.subarray(0, len))
/** The key in `len` bytes of DER; `type` is what the key says itself. */
export const SSL_CTX_use_PrivateKey_ASN1 = (_type: number, ctx: SSL_CTX, d: Uint8Array, len: number): 0 | 1 =>
  keyFromDer(ctx, d.subarray(0, len))
export const SSL_use_PrivateKey_ASN1 = (_type: number, ssl: SSL, d: Uint8Array, len: number): 0 | 1 =>
  keyFromDer(ssl, d.subarray(0, len))
/** As SSL_CTX_use_PrivateKey_file; the name is older. */
export const SSL_CTX_use_RSAPrivateKey_file = SSL_CTX_use_PrivateKey_file
export const SSL_use_RSAPrivateKey_file = SSL_use_PrivateKey_file
export const SSL_CTX_use_RSAPrivateKey_ASN1 = (ctx: SSL_CTX, d: Uint8Array, len: number): 0 | 1 =>
  keyFromDer(ctx, d.subarray(0, len))
export const SSL_use_RSAPrivateKey_ASN1 = (ssl: SSL, d: Uint8Array, len: number): 0 | 1 =>
  keyFromDer(ssl, d.subarray(0, len))
/** Forgets every certificate and key of this SSL. */
export const SSL_certs_clear = (ssl: SSL): void => {
  held(ssl).settings.slots = new Map()
  ssl.settings.current = null
}

/** The names that were set with SSL_CTX_set0_CA_list. */
export const SSL_CTX_get0_CA_list = (ctx: SSL_CTX): readonly X509_NAME[] => held(ctx).settings.caList
const addCa = (owner: Owner, x: X509): 0 | 1 => {
  const { settings } = held(owner)
  settings.caList = [...settings.caList, new Name(held(x).certificate.subject)]
  return 1
}
const addClientCa = (owner: Owner, x: X509): 0 | 1 => {
  const { settings } = held(owner)
  settings.clientCaList = [...(settings.clientCaList ?? []), new Name(held(x).certificate.subject)]
  return 1
}
/** Adds the subject of a certificate to the names. */
export const SSL_CTX_add1_to_CA_list: (ctx: SSL_CTX, x: X509) => 0 | 1 = addCa
export const SSL_add1_to_CA_list: (ssl: SSL, x: X509) => 0 | 1 = addCa
export const SSL_CTX_add_client_CA: (ctx: SSL_CTX, x: X509) => 0 | 1 = addClientCa
export const SSL_add_client_CA: (ssl: SSL, x: X509) => 0 | 1 = addClientCa
export const SSL_dup_CA_list = (list: readonly X509_NAME[]): X509_NAME[] => [...list]
const addSubjects = (list: X509_NAME[], file: string): 0 | 1 => {
  const found = SSL_load_client_CA_file(file)
  if (!found) return 0
  for (const one of found) if (!list.some(({ name }) => name.key === one.name.key)) list.push(one)
  return 1
}
/** Adds the subjects of the certificates of a PEM file to a list, each once. */
export const SSL_add_file_cert_subjects_to_stack = (list: X509_NAME[], file: string): 0 | 1 => addSubjects(list, file)
/** The same for every file of a folder. */
export const SSL_add_dir_cert_subjects_to_stack = (list: X509_NAME[], dir: string): 0 | 1 => {
  for (const name of filesIn(dir)) if (addSubjects(list, `${dir}/${name}`) === 0) return 0
  return 1
}

export const SSL_CTX_get_client_cert_cb = (ctx: SSL_CTX): SSL_CTX['clientCertCallback'] => held(ctx).clientCertCallback
export const SSL_CTX_get_default_passwd_cb = (ctx: SSL_CTX): SSL_CTX['passwordCallback'] => held(ctx).passwordCallback
export const SSL_CTX_get_default_passwd_cb_userdata = (ctx: SSL_CTX): unknown => held(ctx).passwordArgument
/** The same for one SSL: its files may have another password. */
export const SSL_set_default_passwd_cb = (ssl: SSL, cb: SSL_CTX['passwordCallback']): void => {
  held(ssl).settings.passwordCallback = cb
}
export const SSL_set_default_passwd_cb_userdata = (ssl: SSL, u: unknown): void => {
  held(ssl).settings.passwordArgument = u
}
export const SSL_get_default_passwd_cb = (ssl: SSL): SSL_CTX['passwordCallback'] =>
  held(ssl).settings.passwordCallback ?? ssl.ctx.passwordCallback
export const SSL_get_default_passwd_cb_userdata = (ssl: SSL): unknown =>
  held(ssl).settings.passwordArgument ?? ssl.ctx.passwordArgument

const FILE = 'openssl/certificates.ts'
