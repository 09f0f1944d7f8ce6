import type { Kind, Part, Transcript } from './contract.ts'
import { groupOf, pskSuites, suites } from './suites.ts'

/** What the text that OpenSSL's `-trace` prints about one connection says, seen from `part`. */
export const readTrace = (text: string, part: Part): Transcript => {
  const records = text.split(/^(?=(?:Sent|Received) Record$)/m)
  const ofServer = records.filter((r) => r.startsWith(part === 'server' ? 'Sent' : 'Received'))
  const received = records.filter((r) => r.startsWith('Received'))
  const hellos = ofServer.filter((r) => / ServerHello, /.test(r))
  const hello = hellos.at(-1)
  if (!hello) return {}
  const answers = hello + ofServer.filter((r) => / EncryptedExtensions, /.test(r)).join('')
  const exchange = ofServer.find((r) => / ServerKeyExchange, /.test(r)) ?? ''
  const [, high, low] = hello.match(/cipher_suite \{0x(..), 0x(..)\}/) ?? []
  const suite = [...suites, ...pskSuites].find((s) => s.code === Number.parseInt(`${high}${low}`, 16))
  const group = hello.match(/NamedGroup: .*\((\d+)\)/) ?? exchange.match(/named_curve: .*\((\d+)\)/)
  const alpn = answers.match(/application_layer_protocol_negotiation\(16\).*\n *(\S+)/)
  const certificate = received.join('').match(/ Certificate, [^]*?Subject: CN ?= ?(\S+)/)
  return {
    version: /extension_type=supported_versions/.test(hello) ? '1.3' : '1.2',
    ...(suite ? { suite: suite.name } : {}),
    ...(group ? { group: groupOf(Number(group[1]))! } : {}),
    ...(alpn ? { alpn: alpn[1]! } : {}),
    resumed: !ofServer.some((r) => / Certificate, /.test(r)),
    encryptThenMac: /extension_type=encrypt_then_mac/.test(hello),
    retried: hellos.length > 1,
    earlyData: / EncryptedExtensions, [^]*?extension_type=early_data/.test(answers),
    keyUpdates: received.filter((r) => / KeyUpdate, /.test(r)).length,
    ...(certificate ? { peerCertificate: certificate[1] as Kind } : {}),
    ...(received.some((r) => /description=close notify/.test(r)) ? { clean: true } : {}),
  }
}
