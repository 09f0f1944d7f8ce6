import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Case, type Commands, obsoleteCurve } from './cases.ts'

/**
 * Why a case is not run: what typetls has put off (TLS 1.0 and 1.1, renegotiation, DTLS) or rules out for good (SRP, NPN,
 * Certificate Transparency, compression, DSA, obsolete curves). Nothing else is a reason.
 */
export const needs = (test: Case): string | undefined => {
  const { says, extra } = test
  const { client, server, server2, resumeClient, resumeServer } = extra
  const clients = [client, resumeClient]
  const servers = [server, server2, resumeServer]
  const all = [...clients, ...servers]
  const commands = [test.client, test.server, test.server2, test.resumeClient, test.resumeServer]
  if (says.Method === 'DTLS') return 'DTLS'
  if (says.HandshakeMode.startsWith('Renegotiate')) return 'renegotiation'
  if (all.some((one) => one.SRPUser !== undefined || one.SRPPassword !== undefined)) return 'SRP'
  if (says.ExpectedNPNProtocol !== undefined || all.some((one) => one.NPNProtocols !== undefined)) return 'NPN'
  if (clients.some((one) => one.CTValidation !== 'None')) return 'Certificate Transparency'
  if (says.CompressionExpected) return 'compression'
  if (commands.some(namesObsoleteCurve) || obsoleteCurve(says.ExpectedTmpKeyType ?? '')) return 'obsolete curves'
  if (commands.some(hasDsa)) return 'DSA'
  if (speaksOld(test)) return 'TLS 1.0 and 1.1'
  return undefined
}

const label = (command: string): string => command.slice(command.indexOf('.') + 1).toLowerCase()

const namesObsoleteCurve = (commands: Commands): boolean =>
  commands.some(
    ([command, value]) => ['curves', 'groups'].includes(label(command)) && value.split(':').some(obsoleteCurve),
  )

const hasDsa = (commands: Commands): boolean =>
  commands.some(([command, file]) => {
    if (label(command) !== 'certificate') return false
    try {
      return new X509Certificate(readFileSync(file)).publicKey.asymmetricKeyType === 'dsa'
    } catch {
      return false // then the case itself says what is wrong with the file
    }
  })

// ---- versions

const order = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
const OLD = [1, 2]

/** What of TLS 1.0 and later these commands leave, as OpenSSL has it without SSLv3. */
const enabled = (commands: Commands, most = order.length - 1): readonly number[] => {
  let min = 1
  let max = most
  for (const [command, value] of commands) {
    const at = order.indexOf(value)
    if (label(command) === 'minprotocol') min = Math.max(1, at)
    if (label(command) === 'maxprotocol' && at >= 0) max = Math.min(most, at)
  }
  return [1, 2, 3, 4].filter((version) => version >= min && version <= max)
}

/**
 * Whether an old version decides the case: both would agree on one, or a client could offer nothing newer to a server
 * that has to answer it.
 */
const speaksOld = ({ client, server, resumeClient, resumeServer, extra, says }: Case): boolean => {
  const least = extra.server.ServerNameCallback === 'ClientHelloNoV12' ? 2 : undefined
  const decides = (ours: Commands, theirs: Commands, most?: number): boolean => {
    const offered = enabled(ours)
    const served = enabled(theirs, most)
    const highest = offered.at(-1) ?? 0
    // only a client of TLS 1.3 lists its versions; any other is answered with what the server has, at most its highest
    const answer = served.findLast((version) => (highest === 4 ? offered.includes(version) : version <= highest))
    return OLD.includes(highest) || (highest > 0 && OLD.includes(answer ?? 0))
  }
  return (
    decides(client, server, least) ||
    (says.HandshakeMode === 'Resume' && decides(resumeClient, resumeServer, undefined))
  )
}
