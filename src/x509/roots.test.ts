import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import type { Certificate } from './certificate.ts'
import {
  asciiBytes,
  constructed,
  der,
  derBits,
  derBoolean,
  derInteger,
  derOctets,
  derOid,
  derTime,
  sequence,
  setOf,
  tags,
} from './der.ts'
import { loadCertificates } from './load.ts'
import { type Name, oneLine } from './name.ts'
import { attributeName } from './oids.ts'
import { dateText, serialText } from './print.ts'
import { encodeSignatureAlgorithm } from './signature.ts'

const quietly = (path: string): readonly Certificate[] | undefined => {
  try {
    return loadCertificates(readFileSync(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
const bundles: readonly (readonly [name: string, roots: readonly Certificate[] | undefined])[] = [
  ['Node', rootCertificates.flatMap((pem) => loadCertificates(pem))],
  ['Debian', quietly('/etc/ssl/certs/ca-certificates.crt')],
]

const name = ({ rdns }: Name): Uint8Array =>
  sequence(...rdns.map((rdn) => setOf(...rdn.map(({ oid, raw }) => sequence(derOid(oid), raw)))))

/** Two's complement, as it was read. */
const signed = (serial: Uint8Array): Uint8Array => ((serial[0] as number) >= 0x80 ? der(2, serial) : derInteger(serial))

/** RFC 5280 section 4.1.2.5 wants the short form before 2050; not every CA has read it. */
const long = (time: number): Uint8Array =>
  der(tags.generalizedTime, asciiBytes(new Date(time).toISOString().replace(/[-:T]|\.\d+/g, '')))

/** A certificate made of what was understood of another one. */
const encoded = (certificate: Certificate, time = derTime): Uint8Array => {
  const { version, serial, signatureAlgorithm, issuer, subject, notBefore, notAfter, spki, extensions } = certificate
  assert.ok(signatureAlgorithm.algorithm, `${oneLine(subject)} is signed with ${signatureAlgorithm.name}`)
  const algorithm = encodeSignatureAlgorithm(signatureAlgorithm.algorithm, signatureAlgorithm.name)
  const tbs = sequence(
    ...(version > 1 ? [der(constructed(0), derInteger(version - 1))] : []),
    signed(serial),
    algorithm,
    name(issuer),
    sequence(time(notBefore), time(notAfter)),
    name(subject),
    spki,
    ...(extensions.length > 0
      ? [
          der(
            constructed(3),
            sequence(
              ...extensions.map(({ oid, critical, value }) =>
                sequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctets(value)),
              ),
            ),
          ),
        ]
      : []),
  )
  return sequence(tbs, algorithm, derBits(certificate.signature))
}

/** As `X509Certificate` writes names: a line for each attribute, those of one relative name joined. */
const lines = ({ rdns }: Name): string =>
  rdns
    .map((rdn) => rdn.map(({ oid, text }) => `${attributeName(oid) ?? oid}=${escaped(text ?? '')}`).join(' + '))
    .join('\n')
const escaped = (text: string): string => text.replace(/[,+"\\<>;]/g, '\\$&').replace(/^[ #]| $/g, '\\$&')

for (const [where, roots] of bundles) {
  test(`every root of ${where} parses, is written again alike, and says what Node says`, {
    skip: roots ? false : 'there is no such bundle',
  }, () => {
    assert.ok(roots && roots.length > 100)
    let longDates = 0
    for (const root of roots) {
      const what = oneLine(root.subject)
      const short = encoded(root)
      const found = short.length === root.raw.length ? short : encoded(root, long)
      assert.deepEqual(found, root.raw, what)
      if (found !== short) longDates++
      assert.deepEqual(root.flaws, [], what)
      const theirs = new X509Certificate(root.raw)
      assert.equal(lines(root.subject), theirs.subject, what)
      assert.equal(lines(root.issuer), theirs.issuer, what)
      assert.equal(serialText(root), theirs.serialNumber.padStart(2, '0'), what)
      assert.equal(dateText(root.notBefore), theirs.validFrom, what)
      assert.equal(dateText(root.notAfter), theirs.validTo, what)
      assert.equal(root.known.basicConstraints?.ca ?? false, theirs.ca, what)
      assert.deepEqual(root.spki, new Uint8Array(theirs.publicKey.export({ type: 'spki', format: 'der' })), what)
    }
    assert.ok(longDates <= 3, `${longDates} roots write dates in the long form`)
  })
}
