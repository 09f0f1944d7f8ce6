import { fileURLToPath } from 'node:url'
import type { Materials, Peer } from '../contract.ts'
import { programPeer } from './program.ts'

const source = fileURLToPath(new URL('programs/node.mjs', import.meta.url))

/** node:tls of the Node that runs us. */
export const node = (materials: Materials): Peer =>
  programPeer(
    {
      name: 'node',
      find: async () => `${process.version}, OpenSSL ${process.versions.openssl}`,
      cannot: (s, part) => (s.keyUpdate === part ? 'api' : undefined),
      command: async () => [process.execPath, source],
    },
    materials,
  )
