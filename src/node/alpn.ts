import { Buffer } from 'node:buffer'
import { Misuse } from '../errors.ts'

export interface ProtocolOptions {
  /** Application protocols in order of preference: names, or each behind its length. */
  readonly ALPNProtocols?: readonly (string | Uint8Array)[] | Uint8Array | undefined
  /** The same, by names. */
  readonly alpn?: readonly string[] | undefined
}

export const protocolsOf = ({ ALPNProtocols, alpn }: ProtocolOptions): readonly string[] | undefined => {
  if (ALPNProtocols === undefined) return alpn
  return ALPNProtocols instanceof Uint8Array
    ? fromWire(ALPNProtocols)
    : ALPNProtocols.map((name) => (typeof name === 'string' ? name : Buffer.from(name).toString('latin1')))
}

const fromWire = (wire: Uint8Array): readonly string[] => {
  const names: string[] = []
  for (let at = 0; at < wire.length; ) {
    const length = wire[at] as number
    if (length === 0 || at + 1 + length > wire.length)
      throw new Misuse('`ALPNProtocols` is malformed: each protocol stands behind its length of one byte')
    names.push(Buffer.from(wire.subarray(at + 1, at + 1 + length)).toString('latin1'))
    at += 1 + length
  }
  return names
}
