import { Buffer } from 'node:buffer'
import * as crypto from 'node:crypto'
import { discard } from '../src/bytes/discard.ts'
import { secretKey } from '../src/crypto/node/ciphers.ts'
import { group } from '../src/crypto/node/groups.ts'
import { hash } from '../src/crypto/node/hashes.ts'
import { publicKey } from '../src/crypto/node/keys.ts'
import { untraced } from '../src/crypto/node/untraced.ts'
import type { Exchange, Group, Hash, PublicKey } from '../src/crypto/provider.ts'
import type { SetUp } from './material.ts'

/**
 * The cryptography of a handshake, both ends, in the order in which it happens and by the cheapest calls that are known,
 * with no protocol around it: nothing is parsed, built, checked or kept. The messages are random bytes of the usual
 * lengths. No library over node:crypto that checks everything can be faster.
 */

const x25519 = group('x25519') as Group
const NONE = new Uint8Array(0)
const HASH = 'sha256'
const SIZE = 32
const BLOCK = 64

const scratch = new Uint8Array(BLOCK + 1024)
const outer = new Uint8Array(BLOCK + SIZE)
const latin1Write = (Buffer.prototype as unknown as { latin1Write(text: string, at: number, length: number): number })
  .latin1Write
const hashInto = crypto.hash
  ? (data: Uint8Array, into: Uint8Array, at: number) =>
      void latin1Write.call(into, crypto.hash(HASH, data, 'latin1' as 'hex'), at, SIZE)
  : (data: Uint8Array, into: Uint8Array, at: number) => into.set(crypto.createHash(HASH).update(data).digest(), at)

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => {
  for (let i = 0; i < BLOCK; i++) {
    const byte = i < key.length ? (key[i] as number) : 0
    scratch[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  scratch.set(data, BLOCK)
  hashInto(scratch.subarray(0, BLOCK + data.length), outer, BLOCK)
  hashInto(outer, outer, BLOCK)
  return outer.slice(BLOCK)
}

/** The info of HKDF-Expand-Label, with as many bytes of context as the key schedule has. */
const LABEL = new Uint8Array(54)
const SHORT = new Uint8Array(19)
const expand = (secret: Uint8Array): Uint8Array => hmac(secret, LABEL)
const expandShort = (secret: Uint8Array): Uint8Array => hmac(secret, SHORT)

const message = (length: number): Uint8Array => new Uint8Array(crypto.randomBytes(length))
const HELLO = message(230)
const HELLO_PSK = message(520)
const SERVER_HELLO = message(122)
const FLIGHT_CERTIFICATE = message(1000)
const FLIGHT_END = message(120)
const FINISHED = message(36)
const TICKET = message(280)
const SIGNED = message(130)

/** A transcript as it grows: hashed anew for each digest where that costs less than copies of a native object. */
const transcript = (): Hash => hash(HASH)
const digest = (transcript: Hash): Uint8Array => transcript.digest() as Uint8Array

const FULL_TAG = { authTagLength: 16 }
const nonce = new Uint8Array(12)
const aad = new Uint8Array(13)
type Cipher = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
const seal = (key: crypto.KeyObject, data: Uint8Array, cipher: Cipher = 'aes-128-gcm'): [Uint8Array, Uint8Array] => {
  const live = crypto.createCipheriv(cipher as 'aes-128-gcm', key, nonce, FULL_TAG)
  live.setAAD(aad)
  const text = live.update(data)
  live.final()
  return [text, live.getAuthTag()]
}
const open = (key: crypto.KeyObject, [text, tag]: [Uint8Array, Uint8Array], cipher: Cipher = 'aes-128-gcm') => {
  const live = crypto.createDecipheriv(cipher as 'aes-128-gcm', key, nonce, FULL_TAG)
  live.setAAD(aad)
  live.setAuthTag(tag)
  const plain = live.update(text)
  live.final()
  return plain
}

/** Key and nonce out of a traffic secret. */
const keyOf = (secret: Uint8Array): crypto.KeyObject => {
  expandShort(secret)
  return secretKey(expandShort(secret).slice(0, 16))
}
const finished = (secret: Uint8Array, transcript: Uint8Array): Uint8Array => hmac(expandShort(secret), transcript)

/** The signatures of one certificate chain and of the proof that goes with it. */
interface Proof {
  readonly sign: () => Uint8Array
  readonly check: (signature: Uint8Array) => void
  readonly checkChain: () => void
}

const proofOf = ({ root, intermediate, leaf, key }: SetUp, pss: boolean): Proof => {
  const own = crypto.createPrivateKey({ key: Buffer.from(key.pkcs8), format: 'der', type: 'pkcs8' })
  const options = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  const signer = pss ? { key: own, ...options } : own
  const trusted = publicKey(root.spki)
  const algorithm = pss
    ? ({ kind: 'rsa_pss', hash: 'sha256', saltLength: 32 } as const)
    : ({ kind: 'ecdsa', hash: 'sha256' } as const)
  const good = (key: PublicKey, by: typeof intermediate) => {
    const said = by.signatureAlgorithm.algorithm
    if (!said || !key.verify(said, by.tbs, by.signature)) throw new Error('a good certificate is refused')
  }
  let current: PublicKey | undefined
  return {
    sign: () => untraced(() => crypto.sign(HASH, SIGNED, signer)),
    check(signature) {
      if (!current?.verify(algorithm, SIGNED, signature)) throw new Error('a good signature is refused')
    },
    // the root's key was imported when it was trusted, the others come anew
    checkChain() {
      good(trusted, intermediate)
      good(publicKey(intermediate.spki), leaf)
      current = publicKey(leaf.spki)
    },
  }
}

/** One end's key schedule of TLS 1.3 from the handshake secret on, which is the same on both. */
const schedule13 = (hash: Hash, shared: Uint8Array, derived: Uint8Array) => {
  const handshake = hmac(derived, shared)
  hash.update(SERVER_HELLO)
  const hello = digest(hash)
  const [client, server] = [expand(handshake), expand(handshake)]
  void hello
  return { handshake, client, server, reading: keyOf(client), writing: keyOf(server) }
}

const master13 = (hash: Hash, handshake: Uint8Array) => {
  const master = hmac(expand(handshake), NONE)
  digest(hash)
  const [client, server] = [expand(master), expand(master)]
  expand(master)
  return { master, reading: keyOf(client), writing: keyOf(server) }
}

interface Shape {
  readonly proof?: Proof
  readonly clientProof?: Proof
  /** By a pre-shared key out of a ticket. */
  readonly psk?: boolean
}

/** RFC 9846, both ends. A server sends two tickets after a full handshake and one after a resumption, as node:tls does. */
const handshake13 = ({ proof, clientProof, psk }: Shape): (() => void) => {
  const box = crypto.createSecretKey(message(32))
  const ticket = seal(box, TICKET, 'aes-256-gcm')
  const derived = message(SIZE)
  const shared = message(SIZE)
  /** The early secret and what hangs on it; without a key it is always the same. */
  const early = (hash: Hash): Uint8Array => {
    if (!psk) return derived
    const secret = hmac(NONE, shared)
    finished(expand(secret), digest(hash))
    return expand(secret)
  }
  const hello = psk ? HELLO_PSK : HELLO
  return () => {
    // ClientHello
    crypto.randomFillSync(new Uint8Array(64))
    const exchange = x25519.start() as Exchange
    const client = transcript()
    client.update(hello)
    const clientEarly = early(client)
    // the server's flight
    const server = transcript()
    server.update(hello)
    if (psk) open(box, ticket, 'aes-256-gcm')
    const serverEarly = early(server)
    crypto.randomFillSync(new Uint8Array(32))
    const agreed = x25519.answer(exchange.share) as { share: Uint8Array; secret: Uint8Array }
    const s = schedule13(server, agreed.secret, serverEarly)
    let signature: Uint8Array = NONE
    if (proof) {
      server.update(FLIGHT_CERTIFICATE)
      digest(server)
      signature = proof.sign()
    }
    server.update(FLIGHT_END)
    finished(s.server, digest(server))
    const flight = seal(s.writing, proof ? FLIGHT_CERTIFICATE : FLIGHT_END)
    const serverData = master13(server, s.handshake)
    // the client
    const c = schedule13(client, exchange.finish(agreed.share) as Uint8Array, clientEarly)
    open(c.writing, flight)
    if (proof) {
      client.update(FLIGHT_CERTIFICATE)
      proof.checkChain()
      digest(client)
      proof.check(signature)
    }
    client.update(FLIGHT_END)
    finished(c.server, digest(client))
    const clientData = master13(client, c.handshake)
    let second: Uint8Array = NONE
    if (clientProof) {
      client.update(FLIGHT_CERTIFICATE)
      digest(client)
      second = clientProof.sign()
    }
    finished(c.client, digest(client))
    const end = seal(c.reading, clientProof ? FLIGHT_CERTIFICATE : FINISHED)
    client.update(FINISHED)
    digest(client)
    expand(clientData.master)
    // the server again
    open(s.reading, end)
    if (clientProof) {
      server.update(FLIGHT_CERTIFICATE)
      clientProof.checkChain()
      digest(server)
      clientProof.check(second)
    }
    finished(s.client, digest(server))
    server.update(FINISHED)
    digest(server)
    const resumption = expand(serverData.master)
    for (let i = psk ? 1 : 0; i < 2; i++) {
      expand(resumption)
      seal(box, TICKET, 'aes-256-gcm')
    }
    seal(serverData.writing, TICKET)
    client.end?.()
    server.end?.()
  }
}

/** RFC 5246 section 5: as many blocks as are wanted, each of two MACs. */
const prf = (secret: Uint8Array, blocks: number): Uint8Array => {
  let a: Uint8Array = LABEL
  let out: Uint8Array = NONE
  for (let i = 0; i < blocks; i++) {
    a = hmac(secret, a)
    out = hmac(secret, LABEL)
  }
  return out
}

/** RFC 5246 with ECDHE, the extended master secret and a ticket, both ends. */
const handshake12 = (proof: Proof): (() => void) => {
  const box = crypto.createSecretKey(message(32))
  return () => {
    crypto.randomFillSync(new Uint8Array(96))
    const client = transcript()
    const server = transcript()
    // ServerKeyExchange
    const exchange = x25519.start() as Exchange
    const signature = proof.sign()
    // ClientKeyExchange
    proof.checkChain()
    proof.check(signature)
    const agreed = x25519.answer(exchange.share) as { share: Uint8Array; secret: Uint8Array }
    const end = (hash: Hash, secret: Uint8Array) => {
      hash.update(HELLO)
      hash.update(SERVER_HELLO)
      hash.update(FLIGHT_CERTIFICATE)
      digest(hash)
      const master = prf(secret, 2)
      const keys = prf(master, 2)
      const [reading, writing] = [secretKey(keys.slice(16)), secretKey(keys.slice(16))]
      digest(hash)
      prf(master, 1)
      hash.update(FINISHED)
      digest(hash)
      prf(master, 1)
      hash.end?.()
      return { reading, writing }
    }
    const c = end(client, agreed.secret)
    const sealed = seal(c.writing, FINISHED)
    const s = end(server, exchange.finish(agreed.share) as Uint8Array)
    open(s.reading, sealed)
    seal(box, TICKET, 'aes-256-gcm')
    open(c.reading, seal(s.writing, FINISHED))
  }
}

export type Work = 'full' | 'known' | 'psk' | 'mutual' | 'tls12'
/** The floor of a handshake. `known`: the certificates and their signatures were seen before. */
export const handshake = (ends: SetUp, work: Work, pss = false): (() => void) => {
  const proof = proofOf(ends, pss)
  switch (work) {
    case 'full':
      return handshake13({ proof })
    case 'known':
      proof.checkChain()
      return handshake13({ proof: { ...proof, checkChain: () => {} } })
    case 'psk':
      return handshake13({ psk: true })
    case 'mutual':
      return handshake13({ proof, clientProof: proof })
    case 'tls12':
      return handshake12(proof)
  }
}

/** Seals and opens `size` bytes, `count` times over, as a record of TLS 1.3 has them: the content and one byte of type. */
export const records = (cipher: Cipher, size: number, count: number): (() => void) => {
  const key = crypto.createSecretKey(message(cipher === 'aes-128-gcm' ? 16 : 32))
  const data = message(size + 1)
  return () => {
    for (let i = 0; i < count; i++) {
      const sealed = seal(key, data, cipher)
      open(key, sealed, cipher)
      discard(sealed[0])
    }
  }
}

/** What verifying a path of leaf and intermediate costs, the anchor's key being at hand. */
export const path = (ends: SetUp, pss = false): (() => void) => proofOf(ends, pss).checkChain
