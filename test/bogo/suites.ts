import { type Suite, suites } from '../../src/index.ts'
import { Unimplemented } from './flags.ts'

const tls13 = suites.filter((suite) => suite.version === 0x0304 && suite.default)
/** What the reference knows beside: no CCM, and of CBC only what it still has. */
const tls12 = suites.filter(
  ({ version, cipher, mac, agreement }) =>
    version === 0x0303 &&
    !cipher.includes('ccm') &&
    mac !== 'sha384' &&
    (mac !== 'sha256' || (agreement === 'ecdhe' && cipher === 'aes-128-cbc')),
)

/** The suites of a -cipher flag: a list of IANA names, and the few words that the runner uses. TLS 1.3 has its own in any case. */
export const namedSuites = (list: string | undefined): readonly Suite[] => {
  if (list === undefined) return [...tls13, ...tls12]
  let chosen: readonly Suite[] = []
  for (const name of list.split(':')) {
    const suite = suites.find((candidate) => candidate.name === name)
    if (name === 'ALL' || name === 'DEFAULT') chosen = tls12
    else if (name === 'AES128') chosen = tls12.filter(({ cipher }) => cipher.startsWith('aes-128'))
    else if (name === '!AES') chosen = chosen.filter(({ cipher }) => !cipher.startsWith('aes'))
    else if (suite) chosen = [...chosen, suite]
    // there is no triple DES to add
    else if (name !== '3DES') throw new Unimplemented(`the cipher string "${list}"`)
  }
  return [...tls13, ...chosen]
}
