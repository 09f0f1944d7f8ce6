import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gather } from './gather.ts'

/** What records a write becomes: their lengths; and whether the bytes are those that were written. */
const sizes = (gather: Gather, ...lengths: number[]): number[] => {
  const parts = lengths.map((length, at) => ({ chunk: Uint8Array.from({ length }, (_, i) => (i * 31 + at) & 255) }))
  const records: Uint8Array[] = []
  const sent = gather.send(parts, (piece) => void records.push(piece.slice()))
  assert.deepEqual(Buffer.concat(records), Buffer.concat(parts.map(({ chunk }) => chunk)))
  assert.equal(
    sent,
    lengths.reduce((sum, length) => sum + length, 0),
  )
  return records.map(({ length }) => length)
}

describe('records of a stream', () => {
  it('hold the small writes of one turn, up to 16384 bytes', () => {
    for (const [writes, records] of [
      [[5], [5]],
      [[0], [0]],
      [[1, 2, 3], [6]],
      [[256, 0, 256], [512]],
      [[16384], [16384]],
      [
        [16384, 1],
        [16384, 1],
      ],
      [
        [1, 16384],
        [1, 16384],
      ],
      [
        [16383, 1, 1],
        [16384, 1],
      ],
      [[40000], [16384, 16384, 7232]],
      [
        [10, 40000, 10],
        [10, 16384, 16384, 7232, 10],
      ],
    ] as const)
      assert.deepEqual(sizes(new Gather(false), ...writes), records, String(writes))
    assert.deepEqual(sizes(new Gather(false), ...Array<number>(100).fill(256)), [16384, 9216])
  })

  it('grow from a segment to the most while the connection is busy, and begin again after a pause', () => {
    let now = 5000
    const gather = new Gather(true, () => now)
    const first = sizes(gather, 65536)
    assert.deepEqual(first.slice(0, 7), [1400, 1400, 1400, 1400, 1400, 1400, 2800])
    for (let at = 1; at < first.length - 1; at++) assert.ok((first[at] as number) >= (first[at - 1] as number))
    sizes(gather, 65536)
    assert.deepEqual(sizes(gather, 32768), [16384, 16384])
    now += 1000
    assert.deepEqual(sizes(gather, 16384), [16384], 'a second is no pause')
    now += 1001
    assert.deepEqual(sizes(gather, 3000), [1400, 1400, 200])
  })

  it('are not larger than they may be', () => {
    for (const gather of [new Gather(false), new Gather(true)]) {
      gather.most = 600
      assert.deepEqual(sizes(gather, 1500), [600, 600, 300])
    }
  })
})
