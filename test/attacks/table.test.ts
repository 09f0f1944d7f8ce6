import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { usualLimits } from '../../src/config.ts'
import { usualBudget } from '../../src/x509/index.ts'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/security.md', root), 'utf8')
const section = (title: string): string => page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''

test('security: every attack of the table has a file of the check and one of the test, and both are there', () => {
  const rows = section('Attacks')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| attack'))
  assert.ok(rows.length > 20)
  for (const row of rows) {
    const [, , checks = '', tests = ''] = row.split('|')
    const files = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file)
    assert.ok(files(checks).every((file) => /^src\/.*\.ts$/.test(file)) && files(checks).length > 0, row)
    assert.ok(files(tests).every((file) => /\.test\.ts$/.test(file)) && files(tests).length > 0, row)
    for (const file of [...files(checks), ...files(tests)])
      assert.ok(existsSync(new URL(file, root)), `${file} is not there`)
  }
})

test('security: every limit is told', () => {
  const text = section('Limits')
  for (const name of Object.keys(usualLimits)) assert.ok(text.includes(`\`${name}\``), `${name} is not told`)
  for (const name of Object.keys(usualBudget)) assert.ok(text.includes(name), `${name} is not told`)
})
