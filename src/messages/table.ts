import { TlsError } from '../errors.ts'
import { extensions } from '../extensions/block.ts'
import { certificateStatus } from '../extensions/status-request.ts'
import { type Codec, constant, type Infer, opaque, rest, struct, u8, u32 } from '../wire/codec.ts'
import {
  Certificate,
  Certificate12,
  CertificateRequest,
  CertificateRequest12,
  CertificateVerify,
} from './authentication.ts'
import { PskIdentity, ServerEcdhPskExchange, ServerKeyExchange } from './exchange12.ts'
import { ClientHello, ServerHello } from './hello.ts'

/** RFC 9846 section 4.6.1 */
const NewSessionTicket = struct('NewSessionTicket', {
  ticketLifetime: u32,
  ticketAgeAdd: u32,
  ticketNonce: opaque(0, 255),
  ticket: opaque(1, 2 ** 16 - 1),
  extensions: extensions('newSessionTicket'),
})
/** RFC 5077 section 3.3 */
const NewSessionTicket12 = struct('NewSessionTicket', { ticketLifetimeHint: u32, ticket: opaque(0, 2 ** 16 - 1) })

const empty = (name: string): Codec<true> => constant(name, new Uint8Array(0))

/** RFC 9846 section 4.6.3: true asks for an update in return. */
const KeyUpdate: Codec<boolean> = {
  name: 'KeyUpdate',
  read(r) {
    const request = u8.read(r)
    if (request > 1)
      throw new TlsError('illegal_parameter', 'INVALID_KEY_UPDATE_TYPE', `request_update ${request} is neither 0 nor 1`)
    return request === 1
  },
  write: (w, request) => w.number(1, request ? 1 : 0),
}

/** Every handshake message: its type and what is in it. Names with 12 have another form in TLS 1.3. */
export const messages = {
  helloRequest: { type: 0, codec: empty('HelloRequest') },
  clientHello: { type: 1, codec: ClientHello },
  serverHello: { type: 2, codec: ServerHello },
  newSessionTicket: { type: 4, codec: NewSessionTicket },
  newSessionTicket12: { type: 4, codec: NewSessionTicket12 },
  endOfEarlyData: { type: 5, codec: empty('EndOfEarlyData') },
  encryptedExtensions: {
    type: 8,
    codec: struct('EncryptedExtensions', { extensions: extensions('encryptedExtensions') }),
  },
  certificate: { type: 11, codec: Certificate },
  certificate12: { type: 11, codec: Certificate12 },
  serverKeyExchange: { type: 12, codec: ServerKeyExchange },
  serverKeyExchangePsk: { type: 12, codec: PskIdentity },
  serverKeyExchangeEcdhPsk: { type: 12, codec: ServerEcdhPskExchange },
  certificateRequest: { type: 13, codec: CertificateRequest },
  certificateRequest12: { type: 13, codec: CertificateRequest12 },
  serverHelloDone: { type: 14, codec: empty('ServerHelloDone') },
  certificateVerify: { type: 15, codec: CertificateVerify },
  /** What it holds depends on the suite; the handshake knows. */
  clientKeyExchange: { type: 16, codec: rest },
  finished: { type: 20, codec: rest },
  certificateStatus: { type: 22, codec: certificateStatus },
  keyUpdate: { type: 24, codec: KeyUpdate },
} as const

export type MessageName = keyof typeof messages
export type Body<N extends MessageName> = Infer<(typeof messages)[N]['codec']>

/** A message that came: after `receive('certificate')` the body is a Certificate. */
export type Message<N extends MessageName = MessageName> = {
  [K in N]: { readonly name: K; readonly body: Body<K>; readonly raw: Uint8Array }
}[N]
