import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { fromHex } from '../bytes/text.ts'
import { node } from '../crypto/node/index.ts'
import type { Algorithm, HashName } from '../crypto/provider.ts'
import { runSync } from '../task.ts'
import { Certificate } from './certificate.ts'
import { loadCertificates } from './load.ts'
import { encodeSignatureAlgorithm, readSignatureAlgorithm } from './signature.ts'
import { describeKey } from './spki.ts'
import { type Rules, Trial, usualBudget } from './trial.ts'

/** Wycheproof's signatures as those of certificates: message and signature in the issued one, the key in its issuer. */

const folder = new URL('../../../shared/data/wycheproof/', import.meta.url)
const skip = existsSync(folder) ? false : 'the vectors are not here'

interface Group {
  readonly type: string
  readonly sha?: string
  readonly mgfSha?: string
  readonly sLen?: number
  readonly publicKeyDer: string
  readonly tests: readonly {
    readonly tcId: number
    readonly msg: string
    readonly sig: string
    readonly result: string
  }[]
}

const hashes: Readonly<Record<string, HashName>> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}

/** What the certificate would name; undefined for what certificates of ours cannot. */
const algorithmOf = ({ type, sha = '', mgfSha, sLen }: Group): Algorithm | undefined => {
  const hash = hashes[sha]
  if (type === 'EddsaVerify') return { kind: 'eddsa' }
  if (!hash) return undefined
  if (type === 'EcdsaVerify') return { kind: 'ecdsa', hash }
  if (type === 'RsassaPkcs1Verify') return { kind: 'rsa_pkcs1', hash }
  if (!type.startsWith('RsassaPss') || mgfSha !== sha || sLen === undefined) return undefined
  return { kind: 'rsa_pss', hash, saltLength: sLen }
}

const bytes = (text: string): Uint8Array => fromHex(text) ?? assert.fail(`${text} is not hexadecimal`)
const [model] = loadCertificates(rootCertificates[0] as string) as [Certificate]

const counts = { tests: 0, good: 0, groupsPassedOver: 0 }
const files = skip
  ? []
  : readdirSync(folder).filter((name) => /^(?:ecdsa_.*\d|ed\d+|rsa_signature.*|rsa_pss.*)_test\.json\.gz$/.test(name))

for (const file of files.filter((name) => !name.includes('p1363'))) {
  test(`the verifier takes and refuses what ${file} says`, () => {
    const { testGroups } = JSON.parse(gunzipSync(readFileSync(new URL(file, folder))).toString()) as {
      testGroups: Group[]
    }
    for (const group of testGroups) {
      const algorithm = algorithmOf(group)
      if (!algorithm) {
        counts.groupsPassedOver++
        continue
      }
      const spki = bytes(group.publicKeyDer)
      const signatureAlgorithm = readSignatureAlgorithm(encodeSignatureAlgorithm(algorithm, describeKey(spki).type))
      assert.deepEqual(signatureAlgorithm.algorithm, algorithm)
      const issuer = new Certificate({ ...model, spki })
      for (const { tcId, msg, sig, result } of group.tests) {
        const issued = new Certificate({
          ...model,
          tbs: bytes(msg),
          signature: bytes(sig),
          signatureAlgorithm,
          algorithmsAgree: true,
        })
        const trial = new Trial({} as Rules, node, { ...usualBudget, signatures: 1 })
        // what is "acceptable" is malformed, and a verifier refuses it
        const good = runSync(trial.signedBy(issued, issuer)) === 'good'
        assert.equal(good, result === 'valid', `${file}, test ${tcId}`)
        counts.tests++
        if (good) counts.good++
      }
    }
  })
}

test('none of this was tried in vain', { skip }, () => {
  assert.ok(counts.good > 1000 && counts.tests - counts.good > 3000, JSON.stringify(counts))
  console.log(
    `wycheproof by certificates: ${counts.tests} signatures, ${counts.good} good; ${counts.groupsPassedOver} groups of algorithms that certificates do not have`,
  )
})
