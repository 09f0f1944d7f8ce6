import type { Provider } from '../crypto/provider.ts'
import { Misuse } from '../errors.ts'
import { type Maybe, run, type Task, wait } from '../task.ts'
import { constructed, DerReader, tags } from './der.ts'
import { type Extension, readExtensionList } from './extensions.ts'
import { longName } from './long-names.ts'
import { type Name, oneLine, readName } from './name.ts'
import { knownOid } from './oids.ts'
import { looksLikePem, PemError, readPem } from './pem.ts'
import { hexLines } from './print.ts'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature.ts'
import { oneExtension, signatureLines } from './text.ts'
import { keyLines } from './text-keys.ts'

/** A certification request (PKCS #10, RFC 2986). Every field of bytes is a view of `raw`. Made by `parseRequest`. */
export interface CertificateRequest {
  /** Its DER. */
  readonly raw: Uint8Array
  /** The part that is signed, with tag and length. */
  readonly info: Uint8Array
  readonly subject: Name
  /** SubjectPublicKeyInfo (DER). */
  readonly spki: Uint8Array
  /** What it asks to stand in the certificate. */
  readonly extensions: readonly Extension[]
  /** All other attributes: the type in dotted decimal, and the DER of each value. */
  readonly attributes: readonly { readonly oid: string; readonly values: readonly Uint8Array[] }[]
  readonly signatureAlgorithm: SignatureAlgorithm
  /** The same as DER. */
  readonly algorithm: Uint8Array
  readonly signature: Uint8Array
}

/** Parses one request (DER); the bytes are kept, not copied. Throws `DerError`, whose message says what is malformed. */
export const parseRequest = (raw: Uint8Array): CertificateRequest => {
  const outer = new DerReader(raw, 'the request')
  const whole = outer.open(tags.sequence)
  outer.close()
  const info = whole.raw(tags.sequence)
  const algorithm = whole.raw(tags.sequence)
  const signature = whole.bitBytes()
  whole.close()

  const inside = new DerReader(info, 'the request').open(tags.sequence)
  const version = inside.small()
  if (version !== 0) inside.fail(`has version ${version + 1}; there is only 1`)
  const subject = readName(inside, "the request's subject")
  const spki = inside.raw(tags.sequence)
  const list = inside.openIf(constructed(0), "the request's attributes")
  inside.close()
  const attributes = list ? readAttributes(list) : []
  return {
    raw,
    info,
    subject,
    spki,
    extensions: attributes.filter(isExtensions).flatMap(extensionsOf),
    attributes: attributes.filter((attribute) => !isExtensions(attribute)),
    signatureAlgorithm: readSignatureAlgorithm(algorithm),
    algorithm,
    signature,
  }
}

type Attribute = CertificateRequest['attributes'][number]

const readAttributes = (list: DerReader): Attribute[] => {
  const attributes: Attribute[] = []
  while (list.more) {
    const inside = list.open(tags.sequence)
    const oid = inside.oid()
    const set = inside.open(tags.set)
    inside.close()
    const values: Uint8Array[] = []
    while (set.more) values.push(set.raw())
    if (attributes.some((before) => before.oid === oid)) list.fail(`have ${longName(oid)} twice`)
    attributes.push({ oid, values })
  }
  return attributes
}

const isExtensions = ({ oid }: Attribute): boolean => oid === knownOid('extensionRequest')

const extensionsOf = ({ values }: Attribute): readonly Extension[] => {
  const [value = new Uint8Array(0)] = values
  const list = new DerReader(value, 'the list of requested extensions')
  if (values.length !== 1) list.fail(`stands there ${values.length} times, not once`)
  return readExtensionList(list)
}

const LABELS = new Set(['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'])

/** The first request in PEM, or one in DER. Throws `PemError` when there is none, `DerError` when it is malformed. */
export const loadRequest = (data: string | Uint8Array): CertificateRequest => {
  if (typeof data !== 'string' && !looksLikePem(data)) return parseRequest(data)
  const block = readPem(data).find(({ label }) => LABELS.has(label))
  if (!block) throw new PemError('there is no "-----BEGIN CERTIFICATE REQUEST-----" in this text')
  return parseRequest(block.bytes)
}

/** Whether who made the request has the key that it is for: false also where key or algorithm are not supported. */
export const checkRequest = (request: CertificateRequest, provider: Provider): Maybe<boolean> =>
  run(checkTask(request, provider))

function* checkTask(request: CertificateRequest, provider: Provider): Task<boolean> {
  const { algorithm } = request.signatureAlgorithm
  if (!algorithm) return false
  try {
    const key = yield* wait(provider.publicKey(request.spki))
    return yield* wait(key.verify(algorithm, request.info, request.signature))
  } catch (error) {
    if (error instanceof Misuse) return false
    throw error
  }
}

/** A request as `openssl req -text -noout` of OpenSSL 3.0 prints it, the last line feed included. */
export const requestText = (request: CertificateRequest): string => {
  const { subject, spki, attributes, extensions, algorithm, signature } = request
  const lines = [
    'Certificate Request:',
    '    Data:',
    '        Version: 1 (0x0)',
    `        Subject: ${oneLine(subject)}`,
    '        Subject Public Key Info:',
    ...keyLines(spki),
    '        Attributes:',
    ...(attributes.length + extensions.length === 0 ? ['            (none)'] : []),
    ...attributes.flatMap(attributeLines),
    '            Requested Extensions:',
    ...extensions.flatMap((extension) => oneExtension(extension, 16)),
    ...signatureLines(algorithm, hexLines(signature, 18, 8)),
  ]
  return `${lines.join('\n')}\n`
}

const texts: ReadonlySet<number> = new Set([tags.printableString, tags.teletexString, tags.utf8String, tags.ia5String])

const attributeLines = ({ oid, values }: Attribute): string[] =>
  values.map((value) => {
    const tag = value[0] as number
    const text = texts.has(tag)
      ? new TextDecoder().decode(new DerReader(value, 'an attribute').value(tag))
      : 'unable to print attribute'
    return `${' '.repeat(12)}${longName(oid).padEnd(25)}:${text}`
  })
