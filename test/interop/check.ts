import type { Part, Settings, Transcript } from './contract.ts'
import { connections } from './contract.ts'

/** Why what one end saw is not what was agreed on, or undefined when all of it is. */
export const mismatch = (settings: Settings, seen: Transcript, part: Part): string | undefined => {
  for (const [field, expected] of Object.entries(due(settings, part))) {
    const found = seen[field as keyof Transcript]
    const enough = field === 'keyUpdates' ? Number(found) >= Number(expected) : found === expected
    if (found !== undefined && !enough) return `${field} is ${found}, not ${expected}`
  }
  return undefined
}

/** The fields that a transcript of `part` lacks although the feature is about them. */
export const untold = (settings: Settings, seen: Transcript, part: Part): string[] =>
  Object.keys(due(settings, part)).filter((field) => seen[field as keyof Transcript] === undefined)

/** What must have come of these settings, seen from `part`. */
const due = (s: Settings, part: Part): Transcript => {
  const server = s.serverGroups?.[0]
  const resumed = connections(s) > 1
  const peerCertificate = part === 'client' ? s.certificate : s.clientCertificate
  return {
    version: s.version,
    // some count a key agreed elsewhere as a resumption
    ...(s.psk ? { psk: true } : { resumed }),
    ...(s.earlyData ? { earlyData: true } : {}),
    ...(s.suite ? { suite: s.suite } : {}),
    ...(server ? { group: server, ...(s.version === '1.3' ? { retried: server !== s.clientGroups?.[0] } : {}) } : {}),
    ...(s.alpn ? { alpn: s.alpn } : {}),
    ...(s.encryptThenMac === undefined ? {} : { encryptThenMac: s.encryptThenMac }),
    // at least: some peers update in both directions on their own account
    ...(s.keyUpdate ? { keyUpdates: 1 } : {}),
    ...(peerCertificate && !resumed && !s.psk ? { peerCertificate } : {}),
    bytes: s.bytes,
    ...(s.unanswered ? {} : { clean: true }),
  }
}
