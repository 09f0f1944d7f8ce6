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

/**
 * The suites of a -cipher flag: a list of IANA names, and the few words that the runner uses. Those in one pair of brackets,
 * with bars between, are equal to the server: the order in which the client offers them decides. TLS 1.3 has its own.
 */
export const namedSuites = (list: string | undefined, offered: readonly number[] = []): readonly Suite[] => {
  if (list === undefined) return [...tls13, ...tls12]
  let chosen: readonly Suite[] = []
  for (const word of list.split(':')) {
    const names = word.replace(/^\[(.*)\]$/, '$1').split('|')
    const equal = names.flatMap((name) => suites.find((candidate) => candidate.name === name) ?? [])
    if (word === 'ALL' || word === 'DEFAULT') chosen = tls12
    else if (word === 'AES128') chosen = tls12.filter(({ cipher }) => cipher.startsWith('aes-128'))
    else if (word === '!AES') chosen = chosen.filter(({ cipher }) => !cipher.startsWith('aes'))
    else if (equal.length === names.length)
      chosen = [...chosen, ...equal.sort((a, b) => offered.indexOf(a.id) - offered.indexOf(b.id))]
    // there is no triple DES to add
    else if (word !== '3DES') throw new Unimplemented(`the cipher string "${list}"`)
  }
  return [...tls13, ...chosen]
}
