import { lookUp, readConf, type Section } from './conf-file.ts'

/** What a test file says, read into cases; whatever is not known here is an error. */

/** One context: SSL_CONF commands in their order, behind what names the case gives them. */
export type Commands = Section

export interface ClientExtra {
  readonly VerifyCallback: 'None' | 'AcceptAll' | 'RejectAll'
  readonly ServerName: 'None' | 'server1' | 'server2' | 'invalid'
  readonly NPNProtocols?: string
  readonly ALPNProtocols?: string
  readonly CTValidation: 'None' | 'Permissive' | 'Strict'
  readonly RenegotiateCiphers?: string
  readonly SRPUser?: string
  readonly SRPPassword?: string
  readonly MaxFragmentLenExt: 'None' | '512' | '1024' | '2048' | '4096'
  readonly EnablePHA: boolean
}
export interface ServerExtra {
  readonly ServerNameCallback:
    | 'None'
    | 'IgnoreMismatch'
    | 'RejectMismatch'
    | 'ClientHelloIgnoreMismatch'
    | 'ClientHelloRejectMismatch'
    | 'ClientHelloNoV12'
  readonly NPNProtocols?: string
  readonly ALPNProtocols?: string
  readonly BrokenSessionTicket: boolean
  readonly CertStatus: 'None' | 'GoodResponse' | 'BadResponse'
  readonly SRPUser?: string
  readonly SRPPassword?: string
  readonly ForcePHA: boolean
  readonly SessionTicketAppData?: string
}

export const modes = [
  'Simple',
  'Resume',
  'RenegotiateServer',
  'RenegotiateClient',
  'KeyUpdateServer',
  'KeyUpdateClient',
  'PostHandshakeAuth',
] as const
export type Mode = (typeof modes)[number]
export const results = ['Success', 'ServerFail', 'ClientFail', 'InternalError', 'FirstHandshakeFailed'] as const
export type Result = (typeof results)[number]

/** What the `[test-n]` section says; what is absent is as the defaults say. */
export interface Expectations {
  readonly Method: 'TLS' | 'DTLS'
  readonly HandshakeMode: Mode
  readonly KeyUpdateType: 'KeyUpdateRequested' | 'KeyUpdateNotRequested'
  readonly ApplicationData: number
  readonly MaxFragmentSize: number
  readonly ExpectedResult: Result
  readonly ExpectedClientAlert?: number
  readonly ExpectedServerAlert?: number
  readonly ExpectedProtocol?: string
  readonly ExpectedServerName: 'None' | 'server1' | 'server2'
  readonly SessionTicketExpected: 'Ignore' | 'Yes' | 'No' | 'Broken'
  readonly SessionIdExpected: 'Ignore' | 'Yes' | 'No'
  readonly ResumptionExpected: boolean
  readonly CompressionExpected: boolean
  readonly ExpectedNPNProtocol?: string
  readonly ExpectedALPNProtocol?: string
  readonly ExpectedTmpKeyType?: string
  readonly ExpectedServerCertType?: string
  readonly ExpectedClientCertType?: string
  readonly ExpectedServerSignType?: string
  readonly ExpectedClientSignType?: string
  readonly ExpectedServerSignHash?: string
  readonly ExpectedClientSignHash?: string
  /** `empty`, or a file of certificates whose subjects they are. */
  readonly ExpectedClientCANames?: string
  readonly ExpectedServerCANames?: string
  readonly ExpectedCipher?: string
  readonly ExpectedSessionTicketAppData: string
}

export interface Case {
  readonly number: number
  readonly name: string
  readonly says: Expectations
  readonly client: Commands
  readonly server: Commands
  readonly server2: Commands
  readonly resumeClient: Commands
  readonly resumeServer: Commands
  readonly extra: {
    readonly client: ClientExtra
    readonly server: ServerExtra
    readonly server2: ServerExtra
    readonly resumeClient: ClientExtra
    readonly resumeServer: ServerExtra
  }
}

// ---- what values may be

type Reader = (value: string) => unknown
const text: Reader = (value) => value
const one =
  (...allowed: readonly string[]): Reader =>
  (value) => {
    const found = allowed.find((word) => word.toLowerCase() === value.toLowerCase())
    if (found === undefined) throw new Error(`"${value}" is none of ${allowed.join(', ')}`)
    return found
  }
const number: Reader = (value) => {
  if (!/^\d+$/.test(value)) throw new Error(`"${value}" is no number`)
  return Number(value)
}
const yes: Reader = (value) => one('Yes', 'No')(value) === 'Yes'
const alerts: Readonly<Record<string, number>> = {
  UnknownCA: 48,
  HandshakeFailure: 40,
  UnrecognizedName: 112,
  BadCertificate: 42,
  NoApplicationProtocol: 120,
  CertificateRequired: 116,
}
const alert: Reader = (value) => alerts[one(...Object.keys(alerts))(value) as string]

const curves = [
  ...['P-256', 'P-384', 'P-521', 'prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'],
  ...['brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1', 'X25519', 'X448'],
]
/** Curves that decision D11 rules out: binary ones, and those of less than 256 bits. */
export const obsoleteCurve = (name: string): boolean =>
  /^(?:sect\d|c2|wap-|Oakley|secp1|secp224|prime192|prime239|brainpoolP(?:160|192|224|320)|[BK]-\d|P-192|P-224|SM2)/i.test(
    name,
  )
const keyType: Reader = (value) =>
  obsoleteCurve(value) ? value : one('RSA', 'RSA-PSS', 'DSA', 'Ed25519', 'Ed448', ...curves)(value)
const signType: Reader = one('RSA', 'RSA-PSS', 'DSA', 'EC', 'Ed25519', 'Ed448')
const hash: Reader = one('MD5', 'SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512')
const protocol: Reader = one('TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1', 'SSLv3', 'DTLSv1', 'DTLSv1.2')

const testKeys: Readonly<Record<string, Reader>> = {
  Method: one('TLS', 'DTLS'),
  HandshakeMode: one(...modes),
  KeyUpdateType: one('KeyUpdateRequested', 'KeyUpdateNotRequested'),
  ApplicationData: number,
  MaxFragmentSize: number,
  ExpectedResult: one(...results),
  ExpectedClientAlert: alert,
  ExpectedServerAlert: alert,
  ExpectedProtocol: protocol,
  ExpectedServerName: one('None', 'server1', 'server2'),
  SessionTicketExpected: one('Ignore', 'Yes', 'No'),
  SessionIdExpected: one('Ignore', 'Yes', 'No'),
  ResumptionExpected: yes,
  CompressionExpected: yes,
  ExpectedNPNProtocol: text,
  ExpectedALPNProtocol: text,
  ExpectedTmpKeyType: keyType,
  ExpectedServerCertType: keyType,
  ExpectedClientCertType: keyType,
  ExpectedServerSignType: signType,
  ExpectedClientSignType: signType,
  ExpectedServerSignHash: hash,
  ExpectedClientSignHash: hash,
  ExpectedClientCANames: text,
  ExpectedServerCANames: text,
  ExpectedCipher: text,
  ExpectedSessionTicketAppData: text,
  // of SCTP, which is not run by anybody here
  UseSCTP: yes,
  EnableClientSCTPLabelBug: yes,
  EnableServerSCTPLabelBug: yes,
}
const extras = ['client', 'server', 'server2', 'resume-client', 'resume-server', 'resume-server2'] as const

const clientKeys: Readonly<Record<string, Reader>> = {
  VerifyCallback: one('None', 'AcceptAll', 'RejectAll'),
  ServerName: one('None', 'server1', 'server2', 'invalid'),
  NPNProtocols: text,
  ALPNProtocols: text,
  CTValidation: one('None', 'Permissive', 'Strict'),
  RenegotiateCiphers: text,
  SRPUser: text,
  SRPPassword: text,
  MaxFragmentLenExt: one('None', '512', '1024', '2048', '4096'),
  EnablePHA: yes,
}
const serverKeys: Readonly<Record<string, Reader>> = {
  ServerNameCallback: one(
    'None',
    'IgnoreMismatch',
    'RejectMismatch',
    'ClientHelloIgnoreMismatch',
    'ClientHelloRejectMismatch',
    'ClientHelloNoV12',
  ),
  NPNProtocols: text,
  ALPNProtocols: text,
  BrokenSessionTicket: yes,
  CertStatus: one('None', 'GoodResponse', 'BadResponse'),
  SRPUser: text,
  SRPPassword: text,
  ForcePHA: yes,
  SessionTicketAppData: text,
}

const defaults = {
  Method: 'TLS',
  HandshakeMode: 'Simple',
  KeyUpdateType: 'KeyUpdateRequested',
  ApplicationData: 256,
  MaxFragmentSize: 512,
  ExpectedResult: 'Success',
  ExpectedServerName: 'None',
  SessionTicketExpected: 'Ignore',
  SessionIdExpected: 'Ignore',
  ResumptionExpected: false,
  CompressionExpected: false,
  ExpectedSessionTicketAppData: '',
} as const
const clientDefaults = {
  VerifyCallback: 'None',
  ServerName: 'None',
  CTValidation: 'None',
  MaxFragmentLenExt: 'None',
  EnablePHA: false,
} as const
const serverDefaults = {
  ServerNameCallback: 'None',
  BrokenSessionTicket: false,
  CertStatus: 'None',
  ForcePHA: false,
} as const

const read = (section: Section, keys: Readonly<Record<string, Reader>>): Record<string, unknown> => {
  const found: Record<string, unknown> = {}
  for (const [name, value] of section) {
    const reader = Object.hasOwn(keys, name) ? keys[name] : undefined
    if (!reader) throw new Error(`there is no key ${name}`)
    try {
      found[name] = reader(value)
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`)
    }
  }
  return found
}

// ---- a file

/** A case, or why it cannot be read. */
export type Entry = Case | { readonly number: number; readonly name: string; readonly broken: string }

/** Every case of a file. Throws when the file as a whole cannot be read. */
export const readCases = (source: string, certificates: string): Entry[] => {
  const sections = readConf(source, { TEST_CERTS_DIR: certificates })
  const top = sections.get('default')
  const total = Number(lookUp(top, 'num_tests'))
  if (!Number.isInteger(total)) throw new Error('num_tests does not say how many tests there are')
  return Array.from({ length: total }, (_, index) => {
    const title = lookUp(top, `test-${index}`) ?? `test-${index}`
    try {
      return readCase(sections, index, title)
    } catch (error) {
      return { number: index, name: title, broken: (error as Error).message }
    }
  })
}

const readCase = (sections: ReadonlyMap<string, Section>, index: number, name: string): Case => {
  const section = (title: string): Section => {
    const found = sections.get(title)
    if (!found) throw new Error(`there is no section [${title}]`)
    return found
  }
  const ssl = section(lookUp(section(name), 'ssl_conf') ?? '')
  for (const [role] of ssl) {
    if (!['server', 'client', 'server2', 'resume-server', 'resume-client'].includes(role))
      throw new Error(`there is no role ${role}`)
  }
  const commands = (role: string): Commands => {
    const title = lookUp(ssl, role)
    return title === undefined ? [] : section(title)
  }
  const test = section(`test-${index}`)
  const isExtra = ([key]: readonly [string, string]): boolean => (extras as readonly string[]).includes(key)
  const says = {
    ...defaults,
    ...read(
      test.filter((entry) => !isExtra(entry)),
      testKeys,
    ),
  } as Expectations
  const extra = (role: (typeof extras)[number]): Section => {
    const title = lookUp(test.filter(isExtra), role)
    return title === undefined ? [] : section(title)
  }
  const client = (role: 'client' | 'resume-client'): ClientExtra => ({
    ...clientDefaults,
    ...read(extra(role), clientKeys),
  })
  const server = (role: 'server' | 'server2' | 'resume-server' | 'resume-server2'): ServerExtra => ({
    ...serverDefaults,
    ...read(extra(role), serverKeys),
  })
  server('resume-server2')
  return {
    number: index,
    name,
    says,
    client: commands('client'),
    server: commands('server'),
    server2: commands('server2'),
    resumeClient: commands('resume-client'),
    resumeServer: commands('resume-server'),
    extra: {
      client: client('client'),
      server: server('server'),
      server2: server('server2'),
      resumeClient: client('resume-client'),
      resumeServer: server('resume-server'),
    },
  }
}
