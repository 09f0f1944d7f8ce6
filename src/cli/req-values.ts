import type { KeyKind } from '../crypto/provider.ts'
import { keyUsages } from '../x509/extensions.ts'
import { isDnsName } from '../x509/identity.ts'
import { type Extension, type GeneralName, type KeyUsage, oidOf, parseIp, parseReference } from '../x509/index.ts'
import { constraintsExtension, purposesExtension, sanExtension, usageExtension } from '../x509/make.ts'
import { Failure } from './failure.ts'
import { BadValue } from './options.ts'

/** What stands behind some options of `typetls req`. */

/** What `-addext` adds, as OpenSSL writes extensions: `subjectAltName=DNS:example.com,IP:192.0.2.1` (x509v3_config(5)). */
export interface Added {
  readonly name: string
  readonly extension: Extension
  /** Of basicConstraints: whether it makes a CA. */
  readonly ca: boolean
}

/** Throws `BadValue` for extensions and values that are not written here. */
export const parseAdded = (given: string): Added => {
  const [, name = '', value = ''] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(given) ?? []
  const words = value.split(',').map((word) => word.trim())
  const critical = words[0] === 'critical'
  const rest = critical ? words.slice(1) : words
  const write = Object.hasOwn(writers, name) ? writers[name] : undefined
  if (!write) throw new BadValue(`${Object.keys(writers).join(', ')}, each as name=value`)
  if (rest.length === 0 || rest.includes('')) throw new BadValue(`values of ${name} with one comma between them`)
  const extension = write(rest, critical)
  return { name, extension, ca: name === 'basicConstraints' && constraints(rest).ca }
}

const constraints = (words: readonly string[]): { readonly ca: boolean; readonly pathLength: number | undefined } => {
  const fields = new Map(words.map((word) => [/^[^:]*/.exec(word)?.[0], word.slice(word.indexOf(':') + 1)]))
  const [ca = 'FALSE', length] = [fields.get('CA')?.toUpperCase(), fields.get('pathlen')]
  const odd = [...fields.keys()].some((name) => name !== 'CA' && name !== 'pathlen') || fields.size !== words.length
  if (odd || !/^(?:TRUE|FALSE)$/.test(ca) || !/^\d{1,3}$/.test(length ?? '0'))
    throw new BadValue('basicConstraints as CA:TRUE, CA:FALSE or CA:TRUE,pathlen:0')
  if (ca === 'FALSE' && length !== undefined) throw new BadValue('a pathlen only with CA:TRUE')
  return { ca: ca === 'TRUE', pathLength: length === undefined ? undefined : Number(length) }
}

const usage = (word: string): KeyUsage => {
  const found = keyUsages.find((one) => one === word)
  if (!found) throw new BadValue(`for keyUsage some of ${keyUsages.join(', ')}`)
  return found
}

const PURPOSES = /^(?:serverAuth|clientAuth|codeSigning|emailProtection|timeStamping|OCSPSigning|anyExtendedKeyUsage)$/

const purpose = (word: string): string => {
  if (!PURPOSES.test(word) && (!/^\d/.test(word) || oidOf(word) === undefined))
    throw new BadValue('for extendedKeyUsage serverAuth, clientAuth and the like, or purposes in dotted decimal')
  return word
}

const generalName = (word: string): GeneralName => {
  const [, kind, value = ''] = /^(DNS|IP|email|URI):(.+)$/.exec(word) ?? []
  switch (kind) {
    case 'DNS':
      if (isDnsName(value.replace(/^\*\./, ''))) return { type: 'dns', value }
      throw new BadValue(`a host name after DNS: (international ones in their xn-- form), which "${value}" is not`)
    case 'IP': {
      const address = parseIp(value)
      if (address) return { type: 'ip', value: address }
      throw new BadValue(`an IP address after IP:, which "${value}" is not`)
    }
    case 'email':
      if (parseReference(value)?.type === 'email') return { type: 'email', value }
      throw new BadValue(`a mail address after email:, which "${value}" is not`)
    case 'URI':
      if (/^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(value)) return { type: 'uri', value }
      throw new BadValue(`an absolute URI after URI:, which "${value}" is not`)
    default:
      throw new BadValue('for subjectAltName DNS:, IP:, email: or URI: before each name')
  }
}

type Write = (words: readonly string[], critical: boolean) => Extension

const writers: Readonly<Record<string, Write>> = {
  subjectAltName: (words, critical) => sanExtension(words.map(generalName), critical),
  basicConstraints(words, critical) {
    const { ca, pathLength } = constraints(words)
    return constraintsExtension(ca, pathLength, critical)
  },
  keyUsage: (words, critical) => usageExtension(words.map(usage), critical),
  extendedKeyUsage: (words, critical) => purposesExtension(words.map(purpose), critical),
}

/** `/C=US/O=Example/CN=example.com` as pairs of type and value; a backslash keeps the next character as it is. */
export const parseSubject = (given: string): readonly (readonly [type: string, value: string])[] => {
  if (!given.startsWith('/')) throw new BadValue('a name that begins with a slash')
  // pieces of any characters but slashes, unless those come after a backslash
  const parts = given.slice(1).match(/(?:\\.|[^/\\])+/gs) ?? []
  if (parts.join('/') !== given.slice(1)) throw new BadValue('types and values with one slash before each')
  return parts.map((part) => {
    const [, type = '', value = ''] = /^([^=]+)=(.+)$/s.exec(part) ?? []
    if (value === '') throw new BadValue(`type=value after each slash, which "${part}" is not`)
    if (/(?:^|[^\\])(?:\\\\)*\+/.test(value))
      throw new BadValue('one value after each slash, with a backslash before a plus that belongs to it')
    const oid = oidOf(type)
    // attribute types, and not whatever else has a name
    if (oid === undefined || !/^(?:2\.5\.4\.|0\.9\.2342\.|1\.2\.840\.113549\.1\.9\.|1\.3\.6\.1\.4\.1\.)/.test(oid))
      throw new BadValue(`types such as C, O and CN, or in dotted decimal, which "${type}" is not`)
    const plain = value.replace(/\\(.)/gs, '$1')
    if (oid === '2.5.4.6' && !/^[A-Za-z]{2}$/.test(plain)) throw new BadValue(`a C of two letters`)
    return [oid, plain]
  })
}

const curves: Readonly<Record<string, KeyKind>> = {
  'P-256': 'P-256',
  prime256v1: 'P-256',
  secp256r1: 'P-256',
  'P-384': 'P-384',
  secp384r1: 'P-384',
  'P-521': 'P-521',
  secp521r1: 'P-521',
  secp256k1: 'secp256k1',
  brainpoolP256r1: 'brainpoolP256r1',
  brainpoolP384r1: 'brainpoolP384r1',
  brainpoolP512r1: 'brainpoolP512r1',
}

/** The kind of key that `-newkey` and `-pkeyopt` mean together; P-256 and 2048 bits by default. Throws `Failure`. */
export const keyKind = (newkey: string, options: readonly string[] = []): KeyKind => {
  let [type = '', detail] = newkey.split(':')
  for (const option of options) {
    const [, name, value = ''] = /^([^:]*):(.*)$/s.exec(option) ?? []
    const fits =
      (type === 'ec' && (name === 'ec_paramgen_curve' || option === 'ec_param_enc:named_curve')) ||
      (type === 'rsa' && name === 'rsa_keygen_bits')
    if (!fits) throw new Failure(`req: -pkeyopt ${option} is not for keys of the kind ${type}`)
    if (name !== 'ec_param_enc') detail = value
  }
  switch (type) {
    case 'rsa': {
      const bits = /^\d{1,5}$/.test(detail ?? '2048') ? Number(detail ?? 2048) : 0
      if (!(bits >= 2048 && bits <= 16_384))
        throw new Failure(`req: RSA keys have 2048 to 16384 bits here, and not ${detail}`)
      return `rsa-${bits}`
    }
    case 'ec': {
      const curve = detail ?? 'P-256'
      const kind = Object.hasOwn(curves, curve) ? curves[curve] : undefined
      if (!kind) throw new Failure(`req: there is no curve "${curve}"; there are ${Object.keys(curves).join(', ')}`)
      return kind
    }
    default:
      return type as 'ed25519' | 'ed448'
  }
}
