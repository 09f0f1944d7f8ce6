import type { Materials, Peer } from '../contract.ts'
import { program } from './cache.ts'
import { programPeer } from './program.ts'

/** node:tls of the Node that runs us. */
export const node = (materials: Materials): Peer =>
  programPeer(
    {
      name: 'node',
      find: async () => `${process.version}, OpenSSL ${process.versions.openssl}`,
      cannot: (s, part) => (s.keyUpdate === part ? 'api' : undefined),
      command: async () => [process.execPath, program('node.mjs')],
    },
    materials,
  )
