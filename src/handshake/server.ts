import { Reader } from '../bytes/reader.ts'
import { type Config, type HelloFacts, TLS12, TLS13 } from '../config.ts'
import { RENEGOTIATION_SCSV } from '../crypto/suites.ts'
import { alerts, TlsError } from '../errors.ts'
import type { Message } from '../messages/table.ts'
import { asked, type Task } from '../task.ts'
import { checkCompression } from './answer.ts'
import { bindingOf } from './binding.ts'
import { chooseVersion, knownSchemes } from './choose.ts'
import { type Peer, WARNING } from './peer.ts'
import { server12 } from './server12.ts'
import { server13 } from './server13.ts'

/** The server up to the fork between versions. */
export function* server(peer: Peer): Task<Task<void>> {
  const { facts } = peer
  const message = yield* peer.receive('clientHello')
  const hello = message.body
  facts.clientRandom = hello.random.slice()
  if (peer.config.select) {
    const { select } = peer.config
    const told = helloFacts(message)
    const other: Config | undefined = yield* asked(() => select(told), 'clientHello')
    if (other) peer.reconfigure(other)
  }
  if (peer.config.versions.length === 0)
    throw new TlsError('internal_error', 'INTERNAL_ERROR', 'no version is enabled on this server')
  peer.binding = yield* bindingOf(peer)
  const version = chooseVersion(peer.config, hello)
  facts.version = version
  facts.peerSuites = hello.cipherSuites
  facts.peerSchemes = knownSchemes(hello.extensions.signatureAlgorithms)
  if (hello.extensions.supportedGroups) facts.peerGroups = hello.extensions.supportedGroups
  if (hello.extensions.serverName !== undefined) facts.serverName = hello.extensions.serverName
  checkCompression(hello, version)
  peer.carrier.agreed(version)
  if (peer.config.unknownName === 'warn' && version === TLS12) peer.sendAlert(WARNING, alerts.unrecognized_name)
  if (hello.cipherSuites.includes(RENEGOTIATION_SCSV)) facts.secureRenegotiation = true
  return yield* version === TLS13 ? server13(peer, message) : server12(peer, message)
}

const FIXED = 4 + 2 + 32

/** The hello as hooks see it: everything that came, known or not. */
export const helloFacts = ({ body, raw }: Message<'clientHello'>): HelloFacts => {
  const extensions: { type: number; data: Uint8Array }[] = []
  const r = new Reader(raw, FIXED)
  for (const width of [1, 2, 1]) r.take(r.number(width, 'length'), 'hello')
  if (r.left > 0) r.number(2, 'length of extensions')
  while (r.left > 0)
    extensions.push({
      type: r.number(2, 'extension type'),
      data: r.take(r.number(2, 'length of extension'), 'extension'),
    })
  const { serverName, alpn } = body.extensions
  return {
    raw,
    legacyVersion: body.legacyVersion,
    random: body.random,
    sessionId: body.legacySessionId,
    suites: body.cipherSuites,
    compressionMethods: body.legacyCompressionMethods,
    extensions,
    ...(serverName !== undefined && { serverName }),
    ...(alpn && { alpn }),
  }
}
