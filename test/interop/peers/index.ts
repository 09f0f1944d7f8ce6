import type { Materials, Peer } from '../contract.ts'
import { curl } from './curl.ts'
import { gnutls } from './gnutls.ts'
import { go } from './go.ts'
import { java } from './java.ts'
import { nginx } from './nginx.ts'
import { node } from './node.ts'
import { nss } from './nss.ts'
import { openssl } from './openssl.ts'
import { python } from './python.ts'
import { rustls } from './rustls.ts'

/** Every peer we know how to talk to, in the order of the table. */
export const makePeers = (materials: Materials): Peer[] =>
  [openssl, gnutls, nss, node, go, rustls, java, python, nginx, curl].map((make) => make(materials))
