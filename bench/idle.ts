/** Says how many idle connections, both ends here, fit a MiB of resident memory: node idle.js ours|nodeTls */
import { Session } from 'node:inspector'
import { setUp } from './material.ts'
import * as nodeTls from './node-tls.ts'
import * as ours from './ours.ts'

const COUNT = 1000
const ends = await setUp({ known: true })
const open = async (): Promise<unknown> => {
  if (process.argv[2] === 'nodeTls') return await nodeTls.shake(ends.nodeTls)
  const mine = ours.shake(ends.client, ends.server)
  ours.settle(mine)
  return mine
}
const openAndClose = async (): Promise<void> => {
  const opened = await open()
  if (process.argv[2] === 'nodeTls') nodeTls.close(opened as nodeTls.Ends)
}

const inspector = new Session()
inspector.connect()
/**
 * Resident memory, once nothing more comes free. It is asked for as a runtime does that is short of memory: a collection that is
 * merely forced keeps, on Node 20, whatever pages the work before has needed, which says nothing of what is held.
 */
const rest = async (): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let idle = 0; idle < 4; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    inspector.post('HeapProfiler.collectGarbage')
    const { rss } = process.memoryUsage()
    idle = rss < least * 0.995 ? 0 : idle + 1
    least = Math.min(least, rss)
  }
  return least
}

// what grows once with a process, and not with its connections, has grown before
for (let i = 0; i < COUNT; i++) await openAndClose()
const held: unknown[] = []
for (let i = 0; i < 300; i++) held.push(await open())
const before = await rest()
for (let i = 0; i < COUNT; i++) held.push(await open())
const grown = (await rest()) - before
if (held.length !== COUNT + 300) throw new Error('connections were lost')
console.log((COUNT * 1024 * 1024) / grown)
process.exit(0)
