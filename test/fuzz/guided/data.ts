import assert from 'node:assert/strict'
import { endpointsOf, ProxyProtocolError, readProxyHeader } from '../../../src/cli/proxy-protocol.ts'
import { node } from '../../../src/crypto/node/index.ts'
import { Misuse, TlsError } from '../../../src/errors.ts'
import { messages } from '../../../src/messages/table.ts'
import { decodeRing, encodeRing } from '../../../src/session/ring.ts'
import { decodeSession, encodeSession } from '../../../src/session/session.ts'
import { memoryTickets } from '../../../src/session/tickets.ts'
import { askForTls, protocolNames, StartTlsError } from '../../../src/starttls/index.ts'
import { type Maybe, runSync, wait } from '../../../src/task.ts'
import { annotate } from '../../../src/wire/annotate.ts'
import { type Codec, decode, encode } from '../../../src/wire/codec.ts'
import { DerReader, der } from '../../../src/x509/der.ts'
import {
  certificateJson,
  certificateText,
  DerError,
  describeKey,
  generalNameText,
  KeyError,
  keyText,
  loadCertificates,
  loadCrls,
  loadRequest,
  makeCrl,
  makeOcspResponse,
  PemError,
  parseCertificate,
  parseCrl,
  parseOcsp,
  parseReference,
  readPem,
  readPfx,
  readPrivateKey,
  requestText,
  writePem,
} from '../../../src/x509/index.ts'
import { outline } from '../../../src/x509/outline.ts'
import { NOW } from '../../materials.ts'
import { sentMessages } from '../../said.ts'
import { root } from '../chains.ts'
import { elementsOf, mutate, readTree, writeTree } from '../tree.ts'
import { authority, someSessions } from './ends.ts'
import { x509Seeds } from './seeds.ts'
import { attempt, type Target } from './target.ts'

const names = Object.keys(messages) as (keyof typeof messages)[]
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const utf8 = (said: string): Uint8Array => new Uint8Array(Buffer.from(said))
const x509Errors = [DerError, PemError, KeyError, Misuse]

/** The first byte says which message; what can be read must be written as it was, and be explained. */
const codecs: Target = {
  name: 'messages',
  seeds: async () =>
    (await sentMessages()).map(({ name, bytes }) => Buffer.concat([Uint8Array.of(names.indexOf(name)), bytes])),
  run(data) {
    const codec = messages[names[(data[0] ?? 0) % names.length] as keyof typeof messages].codec as Codec<unknown>
    const body = data.slice(1)
    const value = attempt([TlsError], () => ({ read: decode(codec, body) }))
    attempt([TlsError], () => annotate(codec, body))
    if (!value) return
    const again = attempt([Misuse], () => encode(codec, value.read))
    if (again)
      assert.deepEqual(
        attempt([TlsError], () => ({ read: decode(codec, again) })),
        value,
      )
  },
}

/** Changes elements of DER, lengths and all, so that more of it is read. */
const elements: NonNullable<Target['change']> = (one, other, random) => {
  const tree = readTree(one)
  if (!tree) return undefined
  mutate(
    tree,
    random,
    [tree, readTree(other) ?? tree].flatMap((node) => [structuredClone(node), ...elementsOf(node)]),
  )
  return writeTree(tree)
}

const certificate: Target = {
  name: 'certificate',
  change: elements,
  most: 8192,
  seeds: () => [root.raw, ...x509Seeds(/cert|read_pem/)],
  run(data) {
    attempt(x509Errors, () => {
      const read = parseCertificate(data)
      certificateText(read)
      JSON.stringify(certificateJson(read))
      for (const name of read.known.subjectAltName ?? []) generalNameText(name)
      assert.equal(Buffer.compare(read.raw, data), 0)
    })
    attempt(x509Errors, () => loadCertificates(data))
    outline(data)
  },
}

/** Revocation lists and responses of our own, where the seeds have few. */
const made = (kind: RegExp): Uint8Array[] => {
  const { root: issuer, key: signer, leaf } = authority
  const crl = (): Maybe<{ readonly raw: Uint8Array }> =>
    makeCrl(
      {
        ...{ issuer, signer, thisUpdate: NOW, number: 7, base: 3 },
        revoked: [{ serial: Uint8Array.of(5, 6), date: NOW, reason: 'keyCompromise', issuer: leaf }],
        scope: { names: ['crl.example'], only: 'users', indirect: true, reasons: ['keyCompromise'] },
      },
      node,
    )
  const ocsp = (): Maybe<{ readonly raw: Uint8Array }> =>
    makeOcspResponse(
      {
        ...{ responder: issuer, signer, producedAt: NOW, nonce: new Uint8Array(8), certificates: [leaf] },
        answers: [{ certificate: leaf, issuer, status: { revokedAt: NOW, reason: 'superseded' } }],
      },
      node,
    )
  return [...(kind.test('crl') ? [crl] : []), ...(kind.test('ocsp') ? [ocsp] : [])].map(
    (make) => runSync(wait(make())).raw,
  )
}

/** One that only reads. */
const reader = (name: string, kind: RegExp, read: (data: Uint8Array) => unknown): Target => ({
  name,
  change: elements,
  most: 8192,
  seeds: () => [...x509Seeds(kind), ...made(kind)],
  run: (data) => void attempt(x509Errors, () => read(data)),
})

/** Bytes that somebody has stored: what can be read is written as it was. */
const sessions: Target = {
  name: 'session',
  seeds: async () => (await someSessions()).map(encodeSession),
  run(data) {
    const read = decodeSession(data)
    // flags may be any byte, and are written as 0 or 1
    if (read) assert.deepEqual(decodeSession(encodeSession(read)), read)
    const ring = decodeRing(data)
    if (ring) assert.equal(Buffer.compare(encodeRing(ring), data), 0)
  },
}

const tickets = memoryTickets(node, () => NOW)
const ticket: Target = {
  name: 'ticket',
  seeds: async () => {
    const [session] = await someSessions()
    const sealed = session && runSync(wait(tickets.seal(session)))
    return sealed ? [sealed] : []
  },
  run(data) {
    // a box that opens is ours whole: whatever else comes is none
    const opened = runSync(wait(tickets.open(data)))
    if (opened) assert.equal(typeof opened.session.suite, 'number')
  },
}

const V2 = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const proxy: Target = {
  name: 'proxy',
  seeds: () => [
    utf8('PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n'),
    utf8('PROXY TCP6 2001:db8::1 ::1 1234 443\r\n'),
    utf8('PROXY UNKNOWN\r\n'),
    Buffer.concat([V2, Uint8Array.of(0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187)]),
    Buffer.concat([V2, Uint8Array.of(0x21, 0x21, 0, 41), new Uint8Array(36), Uint8Array.of(1, 0, 2, 104, 50)]),
    Buffer.concat([V2, Uint8Array.of(0x20, 0, 0, 0)]),
  ],
  run(data) {
    const whole = attempt([ProxyProtocolError], () => ({ header: readProxyHeader(data) }))
    // byte by byte it is known no later, and is the same
    for (let end = 0; end <= Math.min(data.length, 256); end++) {
      const part = attempt([ProxyProtocolError], () => ({ header: readProxyHeader(data.subarray(0, end)) }))
      if (part?.header === undefined && part) continue
      if (part) assert.deepEqual(part, whole)
      else assert.equal(whole, undefined)
      break
    }
    const { endpoints } = whole?.header ?? {}
    if (endpoints) endpointsOf({ remoteAddress: endpoints.source, localAddress: endpoints.destination })
  },
}

/** The first byte says which protocol, the second how much comes at a time. */
const starttls: Target = {
  name: 'starttls',
  most: 80_000,
  seeds: () =>
    [
      ['smtp', '220 hello\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n'],
      ['imap', '* OK hello\r\n* CAPABILITY\r\na1 OK go\r\n'],
      ['pop3', '+OK hello\r\n+OK go\r\n'],
      ['ftp', '220 hello\r\n234 go\r\n'],
      ['xmpp', '<stream:stream><stream:features><starttls xmlns="x"/></stream:features><proceed xmlns="x"/>'],
      ['ldap', '0\x0c\x02\x01\x01x\x07\x0a\x01\x00\x04\x00\x04\x00'],
      ['postgres', 'S'],
      ['mysql', `J\0\0\0\x0a8.0\0abcd12345678\0\xff\xff!\x02\0\xff\xc7\x15${'\0'.repeat(11)}abcdefghijkl\0`],
    ].map(([protocol = '', said = '']) =>
      Buffer.concat([Uint8Array.of(protocolNames.indexOf(protocol as never), 255), Buffer.from(said, 'latin1')]),
    ),
  async run(data) {
    const protocol = protocolNames[(data[0] ?? 0) % protocolNames.length]
    const step = 1 + (data[1] ?? 0)
    let at = 2
    const stream = {
      read: async () => {
        const part = data.slice(at, (at += step))
        return part.length > 0 ? part : undefined
      },
      write: async () => {},
    }
    try {
      await askForTls(protocol as (typeof protocolNames)[number], stream, 'localhost')
    } catch (error) {
      if (!(error instanceof StartTlsError)) throw error
    }
  },
}

export const dataTargets: readonly Target[] = [
  codecs,
  {
    ...reader('der', /./, () => undefined),
    run(data) {
      // what the strict reader takes is the only spelling of what it holds
      const walk = (inside: DerReader): Uint8Array[] => {
        const parts: Uint8Array[] = []
        while (inside.more) {
          const { tag } = inside
          if ((tag & 0x20) !== 0) parts.push(der(tag, ...walk(inside.open(tag))))
          else parts.push(der(tag, inside.value(tag)))
        }
        return parts
      }
      const parts = attempt([DerError], () => walk(new DerReader(data, 'fuzz')))
      if (parts) assert.equal(Buffer.compare(Buffer.concat(parts), data), 0)
      outline(data)
      parseReference(latin1(data.subarray(0, 300)))
    },
  },
  certificate,
  reader('crl', /crl/, (data) => {
    loadCrls(data)
    parseCrl(data)
  }),
  reader('ocsp', /ocsp/, parseOcsp),
  {
    ...reader('pem', /pem/, () => undefined),
    run(data) {
      attempt(x509Errors, () => {
        for (const { label, bytes } of readPem(data)) assert.equal(readPem(writePem(label, bytes)).length, 1)
      })
      attempt(x509Errors, () => loadRequest(data))
    },
  },
  reader('keys', /key|spki|pkcs|pem/, (data) => {
    attempt(x509Errors, () => keyText(describeKey(data)))
    attempt(x509Errors, () => requestText(loadRequest(data)))
    attempt(x509Errors, () => runSync(wait(readPrivateKey(data, node, 'password'))))
    readPfx(data, node, 'password')
  }),
  sessions,
  ticket,
  proxy,
  starttls,
]
