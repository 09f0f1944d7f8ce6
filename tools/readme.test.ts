import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const root = new URL('../', import.meta.url)
const readme = readFileSync(new URL('README.md', root), 'utf8')

test('the example in the README is the one in examples/', () => {
  const [, path = '', shown = ''] = /<!-- (examples\/\S+) -->\n```ts\n([\s\S]*?)```/.exec(readme) ?? []
  const code = readFileSync(new URL(path, root), 'utf8')
  const published = code.replace("'../src/openssl/index.ts'", "'typetls/openssl'").replace(/^\/\*\*.*\*\/\n/, '')
  assert.equal(shown, published)
})

test('every script that the README names is in package.json', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    scripts: Record<string, string>
  }
  const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
  assert.ok(named.length > 0)
  for (const name of named) assert.ok(name in scripts, `npm run ${name}`)
})

test('every file that the README links to is there', () => {
  for (const [, path = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) readFileSync(new URL(path, root))
})
