import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../bytes/text.ts'
import { decode } from '../wire/codec.ts'
import { extensions } from './block.ts'
import type { Place } from './extension.ts'

const whole = '0500050100000000'

test('status_request has a body where a client asks, and none where a server does', async (t) => {
  const rows: [place: Place, block: string, read: unknown][] = [
    ['clientHello', `000900${whole}`, { statusType: 1, request: new Uint8Array(4) }],
    ['clientHello', '000400050000', 'LENGTH_TOO_SHORT'],
    ['certificateRequest', '000400050000', true],
    ['certificateRequest', `000900${whole}`, 'LENGTH_MISMATCH'],
    ['serverHello12', '000400050000', true],
  ]
  for (const [place, block, read] of rows) {
    await t.test(`${place} ${block}`, () => {
      const run = () => decode(extensions(place), fromHex(block)!) as { statusRequest?: unknown }
      if (typeof read === 'string') assert.throws(run, { reason: read })
      else assert.deepEqual(run().statusRequest, read)
    })
  }
})
