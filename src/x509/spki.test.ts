import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from '../crypto/node/index.ts'
import type { KeyKind } from '../crypto/provider.ts'
import { type Maybe, runSync, wait } from '../task.ts'
import { DerError, der, derBits, derInteger, derNull, derOid, sequence } from './der.ts'
import { knownOid } from './oids.ts'
import { describeKey, keyBytes, keyText } from './spki.ts'

const now = <T>(answer: Maybe<T>): T => runSync(wait(answer))

const made: readonly (readonly [kind: KeyKind, text: string])[] = [
  ['rsa-2048', 'RSA, 2048 bits'],
  ['rsa-pss-2048', 'RSA-PSS, 2048 bits'],
  ['P-256', 'EC, P-256'],
  ['P-384', 'EC, P-384'],
  ['P-521', 'EC, P-521'],
  ['ed25519', 'Ed25519'],
  ['ed448', 'Ed448'],
]
for (const [kind, text] of made)
  test(`key: ${kind} is ${text}`, () => assert.equal(keyText(describeKey(now(node.generate(kind)).spki)), text))

const spki = (algorithm: readonly Uint8Array[], key: Uint8Array): Uint8Array =>
  sequence(sequence(...algorithm), derBits(key))
const oid = (name: string): Uint8Array => derOid(knownOid(name))
const rsa = (...numbers: readonly Uint8Array[]): Uint8Array => sequence(...numbers)
const modulus = derInteger(new Uint8Array(128).fill(0xc1))
const point = (first: number, length: number): Uint8Array => new Uint8Array(length).fill(first, 0, 1)

const rows: readonly (readonly [what: string, spki: Uint8Array, refused: RegExp | undefined])[] = [
  ['RSA', spki([oid('rsaEncryption'), derNull], rsa(modulus, derInteger(65537))), undefined],
  ['RSA without NULL', spki([oid('rsaEncryption')], rsa(modulus, derInteger(65537))), /lacks the NULL/],
  [
    'RSA with a third number',
    spki([oid('rsaEncryption'), derNull], rsa(modulus, modulus, modulus)),
    /more than its parts/,
  ],
  [
    'RSA with a negative number',
    spki([oid('rsaEncryption'), derNull], rsa(der(2, Uint8Array.of(0x80)), modulus)),
    /negative/,
  ],
  [
    'RSA with more behind NULL',
    spki([oid('rsaEncryption'), derNull, derNull], rsa(modulus, modulus)),
    /more than its parts/,
  ],
  ['a compressed point', spki([oid('ecPublicKey'), oid('P-256')], point(2, 33)), undefined],
  ['a point that is too short', spki([oid('ecPublicKey'), oid('P-256')], point(4, 64)), /no point of 256 bits/],
  ['a point of no form', spki([oid('ecPublicKey'), oid('P-384')], point(5, 97)), /no point of 384 bits/],
  ['a curve that is not ours', spki([oid('ecPublicKey'), derOid('1.2.3')], point(4, 3)), undefined],
  ['Ed25519 with parameters', spki([oid('ed25519'), derNull], point(1, 32)), /has parameters/],
  ['Ed25519 that is too short', spki([oid('ed25519')], point(1, 31)), /31 bytes, not 32/],
  ['Ed448 that is too long', spki([oid('ed448')], point(1, 58)), /58 bytes, not 57/],
  ['X25519, which signs nothing', spki([oid('x25519')], point(1, 32)), undefined],
  ['X448 that is too short', spki([oid('x448')], point(1, 55)), /55 bytes, not 56/],
  ['parameters that are cut', spki([oid('ed25519'), Uint8Array.of(3, 0x6a)], point(1, 32)), /ends within/],
]
for (const [what, bytes, refused] of rows) {
  test(`key: ${what} is ${refused ? 'refused' : 'described'}`, () => {
    if (refused)
      assert.throws(
        () => describeKey(bytes),
        (error) => error instanceof DerError && refused.test(error.message),
      )
    else assert.ok(describeKey(bytes))
    if (!refused) assert.ok(keyBytes(bytes).length > 0)
  })
}
