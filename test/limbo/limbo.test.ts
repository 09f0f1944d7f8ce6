import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The closing lines of a suite, run as it is run by hand; its exit code also tells of slowness, which is no matter here. */
const closing = (suite: string): string[] => {
  const main = fileURLToPath(new URL(suite, import.meta.url))
  const flags = process.execArgv.filter((flag) => !flag.startsWith('--test'))
  const { stdout } = spawnSync(process.execPath, [...flags, main], { encoding: 'utf8' })
  return stdout.split('\n').filter((line) => / agree, /.test(line))
}
const data = new URL('../../../shared/data/', import.meta.url)
const absent = (folder: string) => !existsSync(new URL(folder, data)) && 'its data is not here'

test('limbo: no invalid certificate is accepted and no valid one rejected, pedantic ones by the strict rules', {
  skip: absent('limbo/'),
}, () => {
  const lines = closing('main.ts')
  for (const tier of ['settled', 'contested', 'pedantic']) {
    assert.match(
      lines.find((line) => line.startsWith(`limbo ${tier}`)) ?? '',
      /[1-9]\d+ agree, 0 invalid accepted, 0 valid rejected, 0 skipped/,
    )
  }
})

test('chains: real chains hold, and spoilt ones do not', { skip: absent('chains/') }, () => {
  const lines = closing('../chains/main.ts')
  assert.match(
    lines.find((line) => line.startsWith('chains real')) ?? '',
    /[1-9]\d+ agree, 0 invalid accepted, 0 valid rejected/,
  )
  assert.match(
    lines.find((line) => line.startsWith('chains pkits')) ?? '',
    /147 agree, 0 invalid accepted, 0 valid rejected/,
  )
  assert.match(lines.find((line) => line.startsWith('chains chromium')) ?? '', /[1-9]\d agree, 0 invalid accepted/)
})
