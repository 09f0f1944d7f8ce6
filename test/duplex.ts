import { Duplex } from 'node:stream'

/** Two ends of a wire in memory: what is written at one comes out at the other, in whole chunks or in pieces. */
export const wire = (cut: (bytes: Buffer) => Buffer[] = (bytes) => [bytes]): [Duplex, Duplex] => {
  const ends: Duplex[] = []
  const make = (at: number): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        for (const piece of cut(Buffer.from(chunk))) ends[1 - at]?.push(piece)
        done()
      },
      final(done) {
        ends[1 - at]?.push(null)
        done()
      },
      destroy(error, done) {
        // a cable that is cut ends both ends
        const other = ends[1 - at]
        if (other && !other.destroyed && !other.readableEnded) other.push(null)
        done(error)
      },
    })
  ends.push(make(0), make(1))
  return ends as [Duplex, Duplex]
}
