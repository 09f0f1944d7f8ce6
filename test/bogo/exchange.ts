/** One case: its connections, one after the other. */
import { runAsync, TLS12, TLS13, Truncated } from '../../src/index.ts'
import { checkHandshake, type Seen } from './expectations.ts'
import type { Order, Settings } from './flags.ts'
import { Link } from './link.ts'
import { configOf, Memory } from './settings.ts'
import { bytesOfText } from './words.ts'

/** Runs the case to its end. Throws what went wrong. `gone`: nobody waits for the result any more. */
export const runCase = async (order: Order, gone: AbortSignal): Promise<void> => {
  const memory = new Memory(order.initial['-async'] === true)
  for (let count = 0; count <= (order.initial['-resume-count'] ?? 0); count++) {
    const settings = count === 0 ? order.initial : order.resume
    if (count > 0 && !settings['-server'] && !memory.offered) throw new Error('there is no session to offer')
    await connection(settings, order.retry, memory, count > 0, gone)
    memory.time += (settings['-resumption-delay'] ?? 0) * 1000
  }
}

const connection = async (
  settings: Settings,
  retry: Settings,
  memory: Memory,
  resumes: boolean,
  gone: AbortSignal,
): Promise<void> => {
  const { config, notes } = await configOf(settings, retry, memory)
  const to = {
    port: settings['-port'] ?? 0,
    host: settings['-ipv6'] ? '::1' : '127.0.0.1',
    id: settings['-shim-id'] ?? '0',
    gone,
  }
  const link = await Link.open(to, settings['-server'] ? 'server' : 'client', config, settings['-async'] === true)
  notes.facts = link.connection.facts
  try {
    await exchange({ link, connection: link.connection, settings, notes, resumes }, retry)
  } finally {
    await link.close()
  }
  memory.offered = notes.session
  const said = settings['-expect-msg-callback']
  if (said !== undefined && said !== notes.said) throw new Error(`the messages were\n${notes.said}and not\n${said}`)
}

interface Talk extends Seen {
  readonly link: Link
}

const exchange = async (first: Talk, retry: Settings): Promise<void> => {
  let talk = first
  let { settings } = talk
  const { link, connection, notes, resumes } = talk
  const { facts } = connection
  const server = settings['-server'] === true

  await link.turn(() => connection.established || connection.early || hurries(talk) || halfOpen(talk))
  let rest: Uint8Array = NONE
  if (hurries(talk)) {
    if (settings['-expect-no-offer-early-data']) throw new Error('early data was offered')
    // as in the reference: keys are asked for before the handshake is over, and what is written goes early
    if (settings['-export-keying-material']) await exported(talk)
    const after = settings['-early-write-after-message']
    if (after !== undefined) await link.turn(() => notes.last === after)
    rest = await writeEarly(talk, greeting(settings))
    await link.turn(() => connection.established)
    if (facts.earlyData === 'rejected') {
      if (!settings['-expect-reject-early-data']) throw new Error('early data was refused')
      settings = retry
      talk = { ...talk, settings }
      rest = greeting(settings)
    } else if (settings['-expect-reject-early-data']) throw new Error('early data was not refused')
  } else rest = greeting(settings)
  const never = (): void => {
    if (settings['-handshake-never-done'] && connection.established) throw new Error('the handshake was completed')
  }
  never()
  // with False Start and no handshake asked for, there is no moment at which the reference looks
  if (connection.established || !settings['-implicit-handshake']) checkHandshake(talk)
  if (settings['-handshake-twice']) await link.turn(() => connection.established)
  await exported(talk)
  if (settings['-send-alert']) return connection.abort('decompression_failure')

  if (settings['-write-different-record-sizes'])
    for (const length of [0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769])
      await link.write(new Uint8Array(length).fill(0x42))
  else await converse(talk, rest)

  if (!server && facts.version === TLS13 && !settings['-expect-no-session'] && !settings['-shim-shuts-down']) {
    if (!notes.session) throw new Error('no session came')
    const early = notes.session.earlyData > 0
    if (early !== (settings['-expect-ticket-supports-early-data'] === true))
      throw new Error(`the session does${early ? '' : ' not'} allow early data`)
  }
  if (!server && facts.version === TLS13 && settings['-expect-no-session'] && notes.session && !resumes)
    throw new Error('a session came')
  never()
  await shutdown(talk)
}

/** The client has said hello with early data. */
const hurries = ({ connection }: Talk): boolean => !connection.established && connection.earlyRoom !== undefined

/** Our flight is out, and data may follow: of a server that has taken early data, of a client with False Start. */
const halfOpen = ({ connection, settings }: Talk): boolean =>
  connection.writable &&
  (connection.facts.role === 'server' ? connection.facts.earlyData === 'accepted' : settings['-false-start'] === true)

/** What the shim is to say first. */
const greeting = (settings: Settings): Uint8Array => {
  const says = settings['-shim-writes-first'] || settings['-read-with-unfinished-write']
  const text = settings['-shim-initial-write'] ?? 'hello'
  return says ? bytesOfText(text.repeat(times(settings))) : NONE
}
const times = (settings: Settings): number => settings['-repeat-shim-initial-write'] ?? 1
const NONE: Uint8Array = new Uint8Array(0)

/** Writes what there is room for before the server has answered. Gives what is left. */
const writeEarly = async ({ connection, settings, link }: Talk, data: Uint8Array): Promise<Uint8Array> => {
  let rest = data
  // each repetition is a write of its own
  const length = data.length / times(settings)
  while (rest.length > 0 && connection.earlyRoom) {
    const early = rest.subarray(0, Math.min(length, connection.earlyRoom))
    connection.writeEarly(early)
    rest = rest.subarray(early.length)
  }
  await link.flush()
  return rest
}

/** What a flag wants to be told of the keys, sent as data. */
const exported = async ({ link, connection, settings, notes }: Talk): Promise<void> => {
  const { facts } = connection
  const length = settings['-export-keying-material']
  if (length !== undefined && length > 0) {
    const label = settings['-export-label'] ?? ''
    const context = settings['-use-export-context'] ? bytesOfText(settings['-export-context'] ?? '') : undefined
    if (!facts.exporter) throw new Error(':NO_EXPORTER: the handshake is not over')
    await link.write(await runAsync(facts.exporter(label, context, length)))
  }
  if (settings['-export-traffic-secrets']) {
    const ours = facts.role === 'client' ? 'CLIENT' : 'SERVER'
    const theirs = facts.role === 'client' ? 'SERVER' : 'CLIENT'
    const reading = notes.secrets.get(`${theirs}_TRAFFIC_SECRET_0`) ?? new Uint8Array(0)
    const writing = notes.secrets.get(`${ours}_TRAFFIC_SECRET_0`) ?? new Uint8Array(0)
    await link.write(Uint8Array.of(reading.length & 255, reading.length >> 8))
    await link.write(reading)
    await link.write(writing)
  }
  if (settings['-tls-unique']) {
    // RFC 7627 6.1: without extended_master_secret a resumption has none
    if (facts.version !== TLS12 || (facts.resumed && !facts.extendedMasterSecret))
      throw new Error(':NO_TLS_UNIQUE: the connection has no such thing')
    // RFC 5929 3.1: the first Finished of the handshake, which a resumption begins with the server's
    const ours = (facts.role === 'client') !== facts.resumed
    await link.write((ours ? facts.ourFinished : facts.peerFinished) ?? new Uint8Array(0))
  }
}

/** Sends back what comes, every bit of it turned. */
const converse = async (talk: Talk, first: Uint8Array): Promise<void> => {
  const { link, connection, settings } = talk
  if (first.length > 0) await link.write(first)
  if (settings['-shim-shuts-down']) return
  for (;;) {
    if (settings['-key-update-before-read']) await link.ask({ kind: 'keyUpdate', requestUpdate: false })
    const data = await read(talk)
    if (settings['-use-exporter-between-reads'] && connection.facts.exporter)
      await runAsync(connection.facts.exporter('', undefined, 1))
    if (!data) return
    if (settings['-key-update']) await link.ask({ kind: 'keyUpdate', requestUpdate: false })
    await link.write(data.map((byte) => byte ^ 0xff))
  }
}

const read = async ({ link, connection, settings }: Talk): Promise<Uint8Array | undefined> => {
  try {
    return await link.read(settings['-read-size'] ?? 512, settings['-peek-then-read'] === true)
  } catch (error) {
    // without -check-close-notify an end is an end, as in the reference
    if (error instanceof Truncated && connection.established && !settings['-check-close-notify']) return undefined
    throw error
  }
}

const shutdown = async ({ link, connection, settings }: Talk): Promise<void> => {
  if (settings['-check-close-notify'] || !connection.closedByPeer) connection.close()
  await link.flush()
  if (settings['-shim-shuts-down'] && settings['-check-close-notify']) {
    while (!connection.closedByPeer) {
      const kind = await link.turn(() => connection.closedByPeer)
      if (kind === 'take') throw new Error(':APPLICATION_DATA_AFTER_CLOSE_NOTIFY: data came where the end was due')
    }
  }
}
