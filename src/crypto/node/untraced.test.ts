import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untraced } from './untraced.ts'

const depth = (): number => (new Error('made inside').stack ?? '').split('\n').length - 1

test('no error walks the stack inside, and every error does outside', () => {
  const before = Error.stackTraceLimit
  assert.ok(depth() > 0)
  assert.equal(untraced(depth), 0)
  assert.equal(Error.stackTraceLimit, before)
  assert.ok(depth() > 0)
})

test('the limit is as before when the call throws', () => {
  const before = Error.stackTraceLimit
  const problem = new Error('on purpose')
  assert.throws(
    () =>
      untraced(() => {
        throw problem
      }),
    problem,
  )
  assert.equal(Error.stackTraceLimit, before)
})

for (const [what, property] of [
  ['cannot be changed', { value: 7, writable: false, configurable: true }],
  ['is not there', undefined],
] as const)
  test(`a limit that ${what} stays so`, () => {
    const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor
    try {
      if (property) Object.defineProperty(Error, 'stackTraceLimit', property)
      else Reflect.deleteProperty(Error, 'stackTraceLimit')
      assert.equal(
        untraced(() => 'answer'),
        'answer',
      )
      assert.equal(Error.stackTraceLimit, property?.value)
      assert.equal('stackTraceLimit' in Error, property !== undefined)
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', before)
    }
  })
