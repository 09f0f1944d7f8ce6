/** Says how many idle connections, both ends here, fit a MiB of resident memory: node idle.js ours|nodeTls */
import { setUp } from './material.ts'
import { collect } from './measure.ts'
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
const rest = async (): Promise<number> => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  for (let i = 0; i < 4; i++) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return process.memoryUsage.rss()
}
const held: unknown[] = []
for (let i = 0; i < 300; i++) held.push(await open())
const before = await rest()
for (let i = 0; i < COUNT; i++) held.push(await open())
const grown = (await rest()) - before
if (held.length !== COUNT + 300) throw new Error('connections were lost')
console.log((COUNT * 1024 * 1024) / grown)
process.exit(0)
