import { concat } from '../../src/bytes/compare.ts'
import type { HashName, Provider } from '../../src/crypto/provider.ts'
import { hashLength } from '../../src/crypto/provider.ts'
import { type Suite, suites } from '../../src/crypto/suites.ts'
import { keyBlock, masterSecret } from '../../src/handshake/schedule12.ts'
import { EarlyStage } from '../../src/handshake/schedule13.ts'
import { runAsync } from '../../src/task.ts'
import { bytes, type Json, objects, required, string } from './json.ts'
import { expectBytes, Skip, type Tally } from './tally.ts'
import { tapped } from './tap.ts'

/** `SHA-256`, `sha256`, `tls12-sha256`: undefined for what we do not have. */
export const hashOf = (name: unknown): HashName | undefined => {
  const short = string(name)?.toLowerCase().replaceAll('-', '')
  return (Object.keys(hashLength) as HashName[]).find((known) => known === short)
}

const suiteWith = (hash: HashName): Suite => {
  const suite = suites.find((candidate) => candidate.version === 0x0304 && candidate.hash === hash)
  if (!suite) throw new Skip(`no suite of TLS 1.3 goes with ${hash}`)
  return suite
}

const zeros = (hash: HashName): Uint8Array => new Uint8Array(hashLength[hash])

const digest = async (provider: Provider, hash: HashName, ...parts: readonly Uint8Array[]): Promise<Uint8Array> => {
  const running = provider.hash(hash)
  for (const part of parts) running.update(part)
  return await running.digest()
}

/** The steps of a key schedule, each by itself and as our stages make it. */
const chain = async (steps: readonly Json[], name: string, provider: Provider, tally: Tally): Promise<void> => {
  const staged = await throughStages(steps, provider).catch(() => undefined)
  let extracts = 0
  for (const [i, step] of steps.entries()) {
    const what = step.op === 'extract' ? `extract ${extracts++}` : (string(step.label) ?? '')
    await tally.check(`${name} step ${i} ${what}`, async () => {
      const hash = hashOf(step.hash)
      if (!hash) throw new Skip(`hash ${step.hash} is not ours`)
      const expected = required(step.output, 'output')
      if (step.op === 'extract') {
        const previous = bytes(step.previousSecret)
        const nothing = await digest(provider, hash)
        const salt = previous
          ? await provider.expandLabel(hash, previous, 'derived', nothing, hashLength[hash])
          : zeros(hash)
        expectBytes(await provider.extract(hash, salt, bytes(step.ikm) ?? zeros(hash)), expected)
      } else if (step.op === 'deriveSecret') {
        const secret = required(step.secret, 'secret')
        const label = string(step.label) ?? ''
        const transcript = required(step.transcriptHash, 'transcriptHash')
        expectBytes(await provider.expandLabel(hash, secret, label, transcript, hashLength[hash]), expected)
      } else {
        throw new Skip(`a step "${step.op}" is not known`)
      }
      const ours = staged?.get(what)
      if (ours) expectBytes(ours, expected)
    })
  }
}

/** What our stages make of the same inputs, where the chain is a whole key schedule. */
const throughStages = async (steps: readonly Json[], provider: Provider): Promise<ReadonlyMap<string, Uint8Array>> => {
  const extracts = steps.filter((step) => step.op === 'extract')
  const [first, second, third] = extracts
  const hash = hashOf(first?.hash)
  if (!hash || !second || !third || extracts.length !== 3 || third.ikm !== null) throw new Error('not a whole schedule')
  const suite = suiteWith(hash)
  const transcript = (label: string): Uint8Array =>
    bytes(steps.find((step) => step.label === label)?.transcriptHash) ?? zeros(hash)
  const tap = tapped(provider)
  const early = await runAsync(EarlyStage.begin(tap.provider, suite, bytes(first?.ikm)))
  const handshake = await runAsync(early.handshake(bytes(second.ikm) ?? zeros(hash)))
  const traffic = await runAsync(handshake.traffic(transcript('c hs traffic')))
  const master = await runAsync(handshake.master())
  const data = await runAsync(master.traffic(transcript('c ap traffic')))
  const made = new Map<string, Uint8Array>(tap.extracted.map((secret, i) => [`extract ${i}`, secret]))
  made.set('c hs traffic', traffic.client)
  made.set('s hs traffic', traffic.server)
  made.set('c ap traffic', data.client)
  made.set('s ap traffic', data.server)
  made.set('exp master', await runAsync(master.exporter(transcript('exp master'))))
  made.set('res master', await runAsync(master.resumption(transcript('res master'))))
  return made
}

/** One test of the ACVP kind: every secret of one handshake, from stand-ins for its messages. */
const acvp = async (test: Json, name: string, provider: Provider, tally: Tally): Promise<void> => {
  const hash = hashOf(test.hash)
  if (!hash) throw new Skip(`hash ${test.hash} is not ours`)
  const suite = suiteWith(hash)
  const said = ['clientHello', 'serverHello', 'serverFinished', 'clientFinished'].map((field) =>
    required(test[field], field),
  )
  const upTo = (count: number): Promise<Uint8Array> => digest(provider, hash, ...said.slice(0, count))
  const tap = tapped(provider)
  const early = await runAsync(EarlyStage.begin(tap.provider, suite, bytes(test.psk)))
  const handshake = await runAsync(early.handshake(bytes(test.dhe) ?? zeros(hash)))
  const traffic = await runAsync(handshake.traffic(await upTo(2)))
  const master = await runAsync(handshake.master())
  const data = await runAsync(master.traffic(await upTo(3)))
  const [earlySecret = zeros(hash)] = tap.extracted
  const fromEarly = async (label: string): Promise<Uint8Array> =>
    provider.expandLabel(hash, earlySecret, label, await upTo(1), hashLength[hash])
  const secrets: Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>> = {
    clientEarlyTrafficSecret: () => fromEarly('c e traffic'),
    earlyExporterMasterSecret: () => fromEarly('e exp master'),
    clientHandshakeTrafficSecret: () => traffic.client,
    serverHandshakeTrafficSecret: () => traffic.server,
    clientApplicationTrafficSecret: () => data.client,
    serverApplicationTrafficSecret: () => data.server,
    exporterMasterSecret: async () => runAsync(master.exporter(await upTo(3))),
    resumptionMasterSecret: async () => runAsync(master.resumption(await upTo(4))),
  }
  for (const [field, make] of Object.entries(secrets)) {
    const expected = bytes(test[field])
    if (expected) await tally.equal(`${name} ${field}`, expected, make)
  }
}

/** A file of key schedules of TLS 1.3. */
export const schedules13 = async (file: Json, tally: Tally, providers: readonly Provider[]): Promise<void> => {
  for (const provider of providers) {
    const chains = Array.isArray(file.chains) ? file.chains : []
    for (const [i, steps] of chains.entries())
      await chain(objects(steps), `chain ${i} (${provider.name})`, provider, tally)
    for (const [i, test] of objects(file.acvp).entries()) {
      const name = `acvp ${i} ${string(test.mode)} (${provider.name})`
      await tally.attempt(name, () => acvp(test, name, provider, tally))
    }
  }
}

const PRF = 'tls12-'

/** A file of outputs of the PRF of TLS 1.2, and of the master secrets of RFC 7627. */
export const prf12 = async (file: Json, tally: Tally, providers: readonly Provider[]): Promise<void> => {
  for (const provider of providers) {
    for (const [i, test] of objects(file.prf).entries()) {
      await tally.check(`prf ${i} (${provider.name})`, async () => {
        const hash = prfHash(test.prf)
        const expected = required(test.output, 'output')
        const label = string(test.label) ?? ''
        expectBytes(
          await provider.prf(
            hash,
            required(test.secret, 'secret'),
            label,
            required(test.seed, 'seed'),
            expected.length,
          ),
          expected,
        )
      })
    }
    for (const [i, test] of objects(file.extendedMasterSecret).entries()) {
      const name = `extendedMasterSecret ${i} (${provider.name})`
      await tally.check(`${name} masterSecret`, async () => {
        const suite = { ...base, hash: prfHash(test.prf) }
        const premaster = required(test.preMasterSecret, 'preMasterSecret')
        const master = masterSecret(
          provider,
          suite,
          premaster,
          randoms(test),
          required(test.sessionHash, 'sessionHash'),
        )
        expectBytes(await runAsync(master), required(test.masterSecret, 'masterSecret'))
      })
      await tally.check(`${name} keyBlock`, async () => {
        const hash = prfHash(test.prf)
        const expected = required(test.keyBlock, 'keyBlock')
        const master = required(test.masterSecret, 'masterSecret')
        const { client, server } = randoms(test)
        expectBytes(
          await provider.prf(hash, master, 'key expansion', concat(server, client), expected.length),
          expected,
        )
        const keys = await runAsync(keyBlock(provider, { ...base, hash }, master, { client, server }, false))
        const joined = concat(keys.client.key, keys.server.key, keys.client.iv, keys.server.iv)
        expectBytes(joined, expected.subarray(0, joined.length))
      })
    }
  }
}

/** A suite of TLS 1.2 without a MAC, whose hash is the test's to say. */
const base = suites.find((suite) => suite.version === 0x0303 && suite.mac === undefined) as Suite

const prfHash = (name: unknown): HashName => {
  const hash = string(name)?.startsWith(PRF) ? hashOf(string(name)?.slice(PRF.length)) : undefined
  if (!hash) throw new Skip(`the PRF ${name} is not of TLS 1.2`)
  return hash
}

const randoms = (test: Json): { client: Uint8Array; server: Uint8Array } => ({
  client: required(test.clientRandom, 'clientRandom'),
  server: required(test.serverRandom, 'serverRandom'),
})
