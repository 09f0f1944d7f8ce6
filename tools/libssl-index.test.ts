import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { INDEX, libsslIndex, pageOf } from './libssl-index.ts'
import { PAGES } from './libssl-names.ts'

test('the index of docs/libssl is what src/openssl exports', async () => {
  const { text, faults } = await libsslIndex()
  assert.deepEqual(faults, [])
  const rows = (all: string): string[] => all.split('\n').filter((line) => /^(\||- )/.test(line))
  const written = new Set(rows(readFileSync(INDEX, 'utf8')))
  const due = new Set(rows(text))
  const again = 'run npm run docs:libssl and look through what it changed'
  assert.deepEqual(
    [...due].filter((line) => !written.has(line)),
    [],
    `missing in docs/libssl/index.md; ${again}`,
  )
  assert.deepEqual(
    [...written].filter((line) => !due.has(line)),
    [],
    `too much in docs/libssl/index.md; ${again}`,
  )
})

const homes: readonly [name: string, page: string][] = [
  ['SSL_CTX_new', 'contexts'],
  ['SSL_do_handshake', 'handshake'],
  ['SSL_get_error', 'handshake'],
  ['SSL_read_ex', 'data'],
  ['SSL_set_fd', 'bio'],
  ['SSL_set0_rbio', 'bio'],
  ['SSL_CTX_set_options', 'configuration'],
  ['SSL_CTX_load_verify_locations', 'certificates'],
  ['SSL_CTX_set_info_callback', 'callbacks'],
  ['SSL_CTX_sess_set_new_cb', 'sessions'],
  ['ERR_get_error', 'errors'],
]
test('every name has its page, and every page is there', () => {
  for (const [name, page] of homes) assert.equal(pageOf(name), page, name)
  for (const { page } of PAGES) {
    const file = fileURLToPath(new URL(`../docs/libssl/${page}.md`, import.meta.url))
    assert.ok(existsSync(file), file)
  }
})
