/**
 * A lane: a process that runs cases, one at a time, for the forwarder. Whatever a case does to it that no case should do, an
 * error outside of its calls or a hang after the runner has given up, ends the process; the suite's command starts another.
 *
 *   lane.ts SOCKET
 */
import { createServer, type Socket } from 'node:net'
import { AlertReceived, alertName, TlsError, Truncated } from '../../src/index.ts'
import { runCase } from './exchange.ts'
import { readFlags, Unimplemented } from './flags.ts'

const UNIMPLEMENTED = 89
const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('say where to listen: lane.ts SOCKET')

/** An error as the runner's tables know it: reason between colons. */
const told = (error: unknown): string => {
  if (error instanceof TlsError) return `:${error.reason}: ${error.message} (alert ${error.alert})\n${stackOf(error)}`
  if (error instanceof AlertReceived) return `:ALERT_${alertName(error.alert).toUpperCase()}: ${error.message}\n`
  if (error instanceof Truncated) return `:TRUNCATED: ${error.message}\n`
  return error instanceof Error ? `${error.stack}\n` : `${String(error)}\n`
}
/** An internal error names where it came from. */
const stackOf = ({ cause }: Error): string => (cause instanceof Error ? `${cause.stack}\n` : '')

interface Result {
  readonly code: number
  readonly text: string
}

const run = async (words: readonly string[], gone: AbortSignal): Promise<Result> => {
  try {
    await runCase(readFlags(words), gone)
    return { code: 0, text: '' }
  } catch (error) {
    if (error instanceof Unimplemented) return { code: UNIMPLEMENTED, text: `not implemented: ${error.message}\n` }
    return { code: 1, text: told(error) }
  }
}

/** The case that runs, to be told if this process has to end. */
let current: Socket | undefined
const answer = (way: Socket, { code, text }: Result): void => {
  way.end(Buffer.concat([Buffer.from([code]), Buffer.from(text)]))
}
const crash = (error: unknown): void => {
  const end = (): void => process.exit(1)
  if (!current) return end()
  current.once('close', end)
  answer(current, { code: 1, text: `:CRASH: ${told(error)}` })
  setTimeout(end, 1000)
}
process.on('uncaughtException', crash)
process.on('unhandledRejection', crash)

/** How long a case may go on after the runner has killed its forwarder, in milliseconds. */
const GRACE = 1000

const serve = async (way: Socket): Promise<void> => {
  const parts: Uint8Array[] = []
  way.on('data', (part) => parts.push(part))
  await new Promise((resolve) => way.once('end', resolve).once('close', resolve))
  const words = Buffer.concat(parts).toString('latin1').split('\0').slice(0, -1)
  const gone = new AbortController()
  current = way
  way.on('close', () => {
    if (current !== way) return
    gone.abort()
    setTimeout(() => current === way && process.exit(1), GRACE)
  })
  const result = await run(words, gone.signal)
  current = undefined
  answer(way, result)
}

let turn: Promise<unknown> = Promise.resolve()
createServer({ allowHalfOpen: true }, (way) => {
  way.on('error', () => {})
  turn = turn.then(() => serve(way))
}).listen(path)
// the suite's command has gone
process.on('disconnect', () => process.exit(0))
