import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { Input } from './input.ts'

/** Data in quotes, commands bare. */
const read = async (chunks: readonly string[], letters: string): Promise<string> => {
  const stream = new PassThrough()
  const out: string[] = []
  const reading = (async () => {
    for await (const piece of new Input(stream).pieces(letters)) {
      if ('letter' in piece) out.push(piece.letter)
      else if (out.at(-1)?.endsWith("'")) out[out.length - 1] = `${out.at(-1)?.slice(0, -1)}${Buffer.from(piece)}'`
      else out.push(`'${Buffer.from(piece)}'`)
    }
  })()
  for (const chunk of chunks) {
    stream.write(chunk)
    await new Promise(setImmediate)
  }
  stream.end()
  await reading
  return out.join(' ').replaceAll('\n', '/').replaceAll('\r', '-')
}

describe('input', () => {
  const rows: readonly (readonly [chunks: readonly string[], pieces: string])[] = [
    [[], ''],
    [['hello\n'], "'hello/'"],
    [['Q\n'], 'Q'],
    [['Q\r\n'], 'Q'],
    [['Q'], 'Q'],
    [['Q', '\r', '\n'], 'Q'],
    [['Q', 'uit\n'], "'Quit/'"],
    [['hello\nQ\nmore'], "'hello/' Q 'more'"],
    [['hello\n', 'K\n', 'k\n', 'K'], "'hello/' K k K"],
    [['hel', 'lo', 'Q\n'], "'helloQ/'"],
    [['hello', '\nQ\n'], "'hello/' Q"],
    [['QQ\nQ \n q\n'], "'QQ/Q / q/'"],
    [['Q\rx\n'], "'Q-x/'"],
    [['K\nQuit K\n\nQ\n'], "K 'Quit K//' Q"],
  ]
  for (const [chunks, pieces] of rows) {
    it(`${JSON.stringify(chunks)} is ${pieces}`, async () => assert.equal(await read(chunks, 'QKk'), pieces))
  }

  it('knows no commands when there are none', async () => {
    assert.equal(await read(['Q\n', 'K', '\nQ'], ''), "'Q/K/Q'")
  })

  it('can be stopped while it waits', async () => {
    const stream = new PassThrough()
    const input = new Input(stream)
    const next = input.pieces('Q').next()
    input.stop()
    assert.equal((await next).done, true)
    assert.equal(stream.listenerCount('readable'), 0)
  })
})
