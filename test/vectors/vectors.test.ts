import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { runFile } from './files.ts'
import { Tally } from './tally.ts'

const folder = new URL('../../../shared/data/vectors/', import.meta.url)
const options = { skip: existsSync(folder) ? false : 'the vectors are not here' }

const load = (name: string): any => {
  const content = readFileSync(new URL(name, folder))
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(content) : content).toString('utf8'))
}

const run = async (content: unknown): Promise<Tally> => {
  const tally = new Tally()
  await tally.attempt('file', async () => await runFile(content, tally))
  return tally
}

const files = ['tls13-kdf.json', 'tls12-prf.json', 'rfc8448.json', 'handshakes.json.gz']
for (const name of files) {
  test(`vectors: ${name}`, options, async () => {
    const tally = await run(load(name))
    assert.deepEqual(tally.failures, [])
    assert.ok(tally.passed > 0)
  })
}

/** Another last digit. */
const spoilt = (hex: string): string => hex.slice(0, -1) + (hex.endsWith('0') ? '1' : '0')
/** Another digit in the middle. */
const bent = (hex: string): string => {
  const at = hex.length >> 1
  return hex.slice(0, at) + (hex[at] === '0' ? '1' : '0') + hex.slice(at + 1)
}

type Spoil = (one: any) => void
/** Faults that must be found: the file, which of its entries, and what is done to it. */
const faults: readonly (readonly [string, number, string, Spoil])[] = [
  ['rfc8448.json', 0, 'a record of the client', (t) => (t.records[3].record = spoilt(t.records[3].record))],
  ['rfc8448.json', 0, 'a record of the server', (t) => (t.records[2].record = spoilt(t.records[2].record))],
  ['rfc8448.json', 0, 'a ServerHello in the clear', (t) => (t.records[1].record = bent(t.records[1].record))],
  ['rfc8448.json', 0, 'plaintext', (t) => (t.records[5].plaintext = spoilt(t.records[5].plaintext))],
  ['rfc8448.json', 0, 'a content type', (t) => (t.records[7].kind = 'application_data')],
  ['rfc8448.json', 0, 'a secret', (t) => (t.secrets.master = spoilt(t.secrets.master))],
  [
    'rfc8448.json',
    0,
    'a traffic key',
    (t) => (t.trafficKeys.client.handshake.iv = spoilt(t.trafficKeys.client.handshake.iv)),
  ],
  ['rfc8448.json', 0, 'the key of the ticket', (t) => (t.resumption.psk = spoilt(t.resumption.psk))],
  ['rfc8448.json', 0, 'a scalar', (t) => (t.ephemeral.client[0].private = bent(t.ephemeral.client[0].private))],
  ['rfc8448.json', 1, 'a binder', (t) => (t.pskBinder = spoilt(t.pskBinder))],
  ['rfc8448.json', 2, 'the second ClientHello', (t) => (t.messages[2].bytes = spoilt(t.messages[2].bytes))],
  ['rfc8448.json', 3, 'the signature of the client', (t) => (t.messages[8].bytes = spoilt(t.messages[8].bytes))],
  ['handshakes.json.gz', 0, 'a line of the key log', (t) => (t.keylog[4] = spoilt(t.keylog[4]))],
  ['handshakes.json.gz', 0, 'an exported value', (t) => (t.exports[2].value = spoilt(t.exports[2].value))],
  [
    'handshakes.json.gz',
    0,
    'the hash of the transcript',
    (t) => (t.transcriptHashes.throughClientFinished = spoilt(t.transcriptHashes.throughClientFinished)),
  ],
  ['handshakes.json.gz', 0, 'the name', (t) => (t.serverName = 'other.example')],
  ['handshakes.json.gz', 1, 'a record', (t) => (t.records[6].record = spoilt(t.records[6].record))],
  ['handshakes.json.gz', 8, 'a pre-shared key', (t) => (t.psk = spoilt(t.psk))],
  ['handshakes.json.gz', 11, 'a signature of TLS 1.2', (t) => (t.messages[3].bytes = spoilt(t.messages[3].bytes))],
  ['handshakes.json.gz', 12, 'a key block', (t) => (t.keyBlock = spoilt(t.keyBlock))],
  ['handshakes.json.gz', 13, 'the hash of the session', (t) => (t.sessionHash = spoilt(t.sessionHash))],
  ['handshakes.json.gz', 15, 'a record under CBC', (t) => (t.records[11].record = spoilt(t.records[11].record))],
  ['handshakes.json.gz', 17, 'a premaster secret', (t) => (t.preMasterSecret = spoilt(t.preMasterSecret))],
]
for (const [file, index, what, spoil] of faults) {
  test(`vectors: ${what} is spoilt in ${file}, and it is found`, options, async () => {
    const content = load(file)
    const trace = content.traces[index]
    spoil(trace)
    const tally = await run({ ...content, traces: [trace] })
    assert.ok(tally.failed > 0, 'nothing failed')
  })
}

test('vectors: a spoilt step of a key schedule is found', options, async () => {
  const { chains } = load('tls13-kdf.json')
  for (const [i, step] of chains[0].entries()) {
    const steps = chains[0].with(i, { ...step, output: spoilt(step.output) })
    assert.ok((await run({ chains: [steps] })).failed > 0, `step ${i}`)
  }
})

test('vectors: a spoilt output of the PRF is found', options, async () => {
  const { prf } = load('tls12-prf.json')
  assert.ok((await run({ prf: [{ ...prf[0], output: spoilt(prf[0].output) }] })).failed > 0)
})

for (const content of [null, [], 7, 'text', {}, { traces: [] }, { traces: 5 }, { vectors: [null] }]) {
  test(`vectors: a file that says ${JSON.stringify(content)} is skipped`, async () => {
    const tally = await run(content)
    assert.deepEqual([tally.passed, tally.failed, tally.skipped], [0, 0, 1])
  })
}
