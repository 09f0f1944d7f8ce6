#!/usr/bin/env node
import { readdirSync } from 'node:fs'
// What forward.c does, for machines without a C compiler; slower to start, and without locks: a lane takes turns.
import { connect } from 'node:net'

const words = process.argv.slice(2)
if (words.includes('-is-handshaker-supported')) {
  console.log('No')
  process.exit(0)
}
if (process.env.BOGO_LIST) process.exit(89) // only the names are wanted
const folder = process.env.BOGO_LANES
if (!folder) {
  console.error("BOGO_LANES is not set: the suite's command starts this program")
  process.exit(1)
}
const lanes = readdirSync(folder).filter((name) => name.endsWith('.lock')).length
const path = `${folder}/${Number(words[words.indexOf('-shim-id') + 1] ?? 0) % lanes}.sock`

const ask = (tries) => {
  const way = connect({ path, allowHalfOpen: true })
  const parts = []
  way.on('connect', () => way.end(Buffer.from(words.map((word) => `${word}\0`).join(''), 'utf8')))
  way.on('data', (part) => parts.push(part))
  way.on('error', (error) => {
    // a lane that has just ended is started anew
    if (tries > 0 && parts.length === 0 && ['ENOENT', 'ECONNREFUSED'].includes(error.code))
      setTimeout(ask, 10, tries - 1)
    else parts.length = 0
  })
  way.on('close', (failed) => {
    if (failed && tries > 0 && parts.length === 0) return
    const answer = Buffer.concat(parts)
    process.stderr.write(
      answer.length > 0 ? answer.subarray(1) : 'the process that ran this case has ended without a result\n',
    )
    process.exitCode = answer[0] ?? 1
  })
}
ask(1000)
