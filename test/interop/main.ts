import { parseArgs } from 'node:util'
import { mismatch, untold } from './check.ts'
import type { Part, Peer, Server, Transcript } from './contract.ts'
import { connections } from './contract.ts'
import { type Feature, features } from './features.ts'
import { makeMaterials } from './materials.ts'
import { ours as makeOurs } from './ours.ts'
import { makePeers } from './peers/index.ts'
import { endOfCell, endOfRun } from './process.ts'
import { type Cell, type Row, table } from './table.ts'

/** Everybody's handshakes with ours: peers down, features across. Fails when a cell does, or when a required peer is absent. */
const usage = `npm run interop -- [options]
  --peer NAME[,NAME]       only these peers
  --feature TEXT[,TEXT]    only features whose "section name" contains one of these
  --role client|server     only our part
  --require NAME[,NAME]    fail when one of these peers is absent
  --json                   one JSON object instead of the table
  --verbose                a line per cell while it runs`

const limit = 10_000

const main = async (): Promise<number> => {
  const options = readOptions()
  const materials = await makeMaterials()
  process.once('exit', materials.remove)
  try {
    const ours = makeOurs(materials)
    const peers = choose(makePeers(materials), options.peer)
    const columns = features.filter((f) => matches(f, options.feature))
    if (columns.length === 0) throw new Error(`no feature is called ${options.feature}: try --feature groups`)
    const versions = new Map<string, string | undefined>()
    const rows: Row[] = []
    for (const peer of peers) {
      const found = await peer.find().catch((error: Error) => error)
      versions.set(peer.name, found instanceof Error ? `broken: ${found.message}` : found)
      for (const role of ['client', 'server'] as const) {
        if (options.role && options.role !== role) continue
        const cells: Cell[] = []
        for (const feature of columns) {
          const cell = await play(ours, peer, role, feature, found)
          if (options.verbose) console.error(describe(cell), `${cell.milliseconds} ms`)
          cells.push(cell)
        }
        rows.push({ peer: peer.name, role, cells })
      }
      peer.stop?.()
    }
    return report(rows, columns, versions, options)
  } finally {
    endOfRun()
  }
}

/** One conversation: the server is started, the client connects, and what both saw is compared with what was due. */
const play = async (
  ours: Peer,
  peer: Peer,
  role: Part,
  feature: Feature,
  found: string | Error | undefined,
): Promise<Cell> => {
  const cell = { peer: peer.name, role, feature, milliseconds: 0 }
  const peerPart: Part = role === 'client' ? 'server' : 'client'
  const wanted = feature.settings(role)
  const closes = peer.closer ?? wanted.closes
  const unanswered = closes === role && (peer.closesSilently?.includes(peerPart) ?? false)
  const settings = { ...wanted, closes, unanswered }
  const [client, server] = role === 'client' ? [ours, peer] : [peer, ours]
  if (found === undefined) return { ...cell, outcome: 'absent' }
  const reason =
    (server.serve && client.connect ? undefined : 'role') ??
    (settings.psk && !peer.can?.psk?.includes(peerPart) ? 'psk' : undefined) ??
    (settings.earlyData && !peer.can?.earlyData?.includes(peerPart) ? 'early' : undefined) ??
    peer.cannot(settings, peerPart) ??
    ours.cannot(settings, role) ??
    (feature.section === 'clean close' && unanswered ? 'silent' : undefined) ??
    (feature.section === 'clean close' && closes !== wanted.closes ? 'cli' : undefined)
  if (reason !== undefined) return { ...cell, outcome: 'n/a', reason }

  if (found instanceof Error) return { ...cell, outcome: 'FAIL', reason: found.message }

  const style = peer.style(settings, peerPart)
  const started = Date.now()
  let doing = 'starting the server'
  const conversation = async (): Promise<string | undefined> => {
    const listening = await server.serve!(settings, style)
    try {
      doing = 'talking'
      const clientSaw = await client.connect!(settings, style, listening.port).catch((error: Error) => error)
      doing = 'waiting for what the server saw'
      const serverSide = last(listening, connections(settings)).catch((error: Error) => error)
      // a server that has not even noticed a failed client has nothing to add
      const serverSaw = await (clientSaw instanceof Error ? Promise.race([serverSide, later(500)]) : serverSide)
      const errors = [
        clientSaw instanceof Error && `client: ${clientSaw.message}`,
        serverSaw instanceof Error && `server: ${serverSaw.message}`,
      ].filter((text): text is string => text !== false)
      if (!serverSaw || clientSaw instanceof Error || serverSaw instanceof Error) return errors.join('; ')
      const oursSaw = role === 'client' ? clientSaw : serverSaw
      const missing = untold(settings, oursSaw, role)
      if (missing.length > 0) return `we cannot tell ${missing.join(', ')}`
      const wrong = [mismatch(settings, clientSaw, 'client'), mismatch(settings, serverSaw, 'server')]
      return (
        wrong.flatMap((text, i) => (text ? [`${i === 0 ? 'client' : 'server'}: ${text}`] : [])).join('; ') || undefined
      )
    } finally {
      await listening.close()
    }
  }
  const timeout = later(limit).then(() => `no end after ${limit / 1000} s, while ${doing}`)
  const failure = await Promise.race([conversation().catch((error: Error) => `${doing}: ${error.message}`), timeout])
  const running = endOfCell()
  if (failure !== undefined) peer.stop?.()
  const outcome = failure === undefined ? 'ok' : 'FAIL'
  return {
    ...cell,
    outcome,
    ...(failure === undefined ? {} : { reason: [failure, ...running].join('; ') }),
    milliseconds: Date.now() - started,
  }
}

/** What the server saw of the last of so many connections. */
const last = async (server: Server, count: number): Promise<Transcript> => {
  let seen: Transcript = {}
  for (let i = 0; i < count; i++) seen = await server.next()
  return seen
}

const report = (
  rows: Row[],
  columns: Feature[],
  versions: Map<string, string | undefined>,
  options: ReturnType<typeof readOptions>,
): number => {
  const cells = rows.flatMap((r) => r.cells)
  const count = (outcome: Cell['outcome']): number => cells.filter((c) => c.outcome === outcome).length
  const failed = cells.filter((c) => c.outcome === 'FAIL')
  const missing = options.require.filter((name) => versions.get(name) === undefined)
  const closing = `interop: ${count('ok')} passed, ${failed.length} failed, ${count('n/a')} not applicable, ${count('absent')} absent`
  if (options.json) {
    const flat = cells.map(({ feature, ...rest }) => ({ section: feature.section, feature: feature.name, ...rest }))
    console.log(JSON.stringify({ peers: Object.fromEntries(versions), missing, cells: flat, summary: closing }))
  } else {
    console.log(table(rows, columns, process.stdout.columns ?? 160))
    console.log()
    for (const [name, version] of versions) console.log(`${name}: ${version ?? 'absent'}`)
    for (const cell of failed) console.log(describe(cell))
    for (const name of missing) console.log(`required, but absent: ${name}`)
    console.log(closing)
  }
  return failed.length > 0 || missing.length > 0 ? 1 : 0
}

const describe = ({ outcome, peer, role, feature, reason }: Cell): string =>
  `${outcome} ${peer} / we ${role === 'client' ? 'connect' : 'serve'} / ${feature.section} ${feature.name}${reason ? `: ${reason}` : ''}`

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      peer: { type: 'string' },
      feature: { type: 'string' },
      role: { type: 'string' },
      require: { type: 'string' },
      json: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const { role } = values
  if (role !== undefined && role !== 'client' && role !== 'server')
    throw new Error(`--role ${role} is not a role: say client or server`)
  return { ...values, role: role as Part | undefined, require: list(values.require) }
}

const list = (text: string | undefined): string[] => (text ? text.split(',') : [])

const choose = (peers: Peer[], names: string | undefined): Peer[] => {
  for (const name of list(names))
    if (!peers.some((p) => p.name === name))
      throw new Error(`no peer is called ${name}: choose from ${peers.map((p) => p.name).join(', ')}`)
  return names ? peers.filter((p) => list(names).includes(p.name)) : peers
}

const matches = ({ section, name }: Feature, wanted: string | undefined): boolean =>
  !wanted || list(wanted).some((text) => `${section} ${name}`.includes(text))

const later = (milliseconds: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds, undefined))

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(error.message)
    process.exit(2)
  },
)
