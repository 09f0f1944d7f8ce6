import { TLS12, TLS13, type Version } from '../config.ts'
import { illegal, TlsError } from '../errors.ts'
import type { ClientHello } from '../messages/hello.ts'
import { asked, type Task } from '../task.ts'
import { chooseAlpn, DOWNGRADE_TO_12, usable } from './choose.ts'
import type { Peer } from './peer.ts'

/** 32 random bytes; a server that could do better than TLS 1.2 says so in the last 8 (RFC 9846 section 4.1.3). */
export const serverRandom = (peer: Peer, version: Version): Uint8Array => {
  const random = peer.provider.random(32).slice()
  if (version === TLS12 && usable(peer.config, 'server').versions.includes(TLS13)) random.set(DOWNGRADE_TO_12, 24)
  return random
}

/** Decides the application protocol: by the hook, or by the list. */
export function* chooseProtocol(peer: Peer, hello: ClientHello): Task<void> {
  const { config, facts } = peer
  const offered = hello.extensions.alpn
  if (!offered) return
  const { selectAlpn } = config
  const chosen = selectAlpn ? yield* asked(() => selectAlpn(offered), 'clientHello') : chooseAlpn(config, offered)
  if (typeof chosen === 'string' && !offered.includes(chosen))
    throw new TlsError('internal_error', 'BAD_EXTENSION', `the protocol "${chosen}" was chosen, and not offered`)
  if (chosen === false)
    throw new TlsError('no_application_protocol', 'NO_APPLICATION_PROTOCOL', `none of [${offered}] is served here`)
  if (chosen !== undefined) facts.alpn = chosen
}

/** The null method must be there; TLS 1.3 has no other. */
export const checkCompression = (hello: ClientHello, version: Version): void => {
  const methods = hello.legacyCompressionMethods
  if (!methods.includes(0)) throw illegal('NO_COMPRESSION_SPECIFIED', 'the null compression method is missing')
  // RFC 9846 4.1.2: exactly one byte, set to zero
  if (version === TLS13 && methods.length !== 1)
    throw illegal('INVALID_COMPRESSION_ALGORITHM', 'TLS 1.3 has no compression')
  if (version === TLS13 && hello.legacyVersion < TLS12 && hello.legacyVersion >> 8 !== 3)
    throw illegal('WRONG_SSL_VERSION', 'legacy_version')
}
