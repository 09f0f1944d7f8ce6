import { alpn } from './alpn.ts'
import type { InferAt, Place } from './extension.ts'
import { maxFragmentLength } from './max-fragment-length.ts'
import { recordSizeLimit } from './record-size-limit.ts'
import { serverName } from './server-name.ts'
import { statusRequest } from './status-request.ts'
import { ecPointFormats, encryptThenMac, extendedMasterSecret, renegotiationInfo, sessionTicket } from './tls12.ts'
import {
  certificateAuthorities,
  cookie,
  earlyData,
  keyShare,
  postHandshakeAuth,
  preSharedKey,
  pskKeyExchangeModes,
  signatureAlgorithms,
  signatureAlgorithmsCert,
  signedCertificateTimestamp,
  supportedGroups,
  supportedVersions,
} from './tls13.ts'

/** Every extension we know. The order is that of our ClientHello, and of answers; record_size_limit before max_fragment_length. */
export const registry = {
  serverName,
  ecPointFormats,
  supportedGroups,
  sessionTicket,
  alpn,
  statusRequest,
  signedCertificateTimestamp,
  recordSizeLimit,
  maxFragmentLength,
  encryptThenMac,
  extendedMasterSecret,
  renegotiationInfo,
  signatureAlgorithms,
  signatureAlgorithmsCert,
  certificateAuthorities,
  postHandshakeAuth,
  supportedVersions,
  cookie,
  pskKeyExchangeModes,
  keyShare,
  earlyData,
  preSharedKey,
} as const

export type Registry = typeof registry
export type ExtensionName = keyof Registry

/** An extension that we do not know, or that does not stand where we know it. */
export interface Unknown {
  readonly type: number
  readonly data: Uint8Array
  /** Its place among all extensions of the block that it came in; without one it is written where `unknown` stands. */
  readonly at?: number
}

type Known<P extends Place> = {
  readonly [K in ExtensionName as P extends keyof Registry[K]['in'] ? K : never]?: InferAt<Registry[K], P>
}
/** What may stand in that place, typed; and what else was there. */
export type Extensions<P extends Place> = Known<P> & { readonly unknown?: readonly Unknown[] }
