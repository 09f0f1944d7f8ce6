import type { Materials, Peer } from '../contract.ts'
import { node } from './node.ts'
import { openssl } from './openssl.ts'

/** Every peer we know how to talk to, in the order of the table. */
export const makePeers = (materials: Materials): Peer[] => [openssl, node].map((make) => make(materials))
