import type { Materials, Peer } from '../contract.ts'
import { versionOf } from '../process.ts'
import { program } from './cache.ts'
import { programPeer } from './program.ts'

/** Python's ssl module. */
export const python = (materials: Materials): Peer =>
  programPeer(
    {
      name: 'python',
      find: () =>
        versionOf(
          'python3',
          ['-c', 'import ssl, sys; print("Python", sys.version.split()[0], ssl.OPENSSL_VERSION)'],
          /^Python.*/,
        ),
      cannot(s, part) {
        if (s.keyUpdate === part) return 'api'
        // a client's first share cannot be one of these
        if (part === 'client' && s.clientGroups?.[0]?.startsWith('ffdhe')) return 'api'
        return undefined
      },
      command: async () => ['python3', program('peer.py')],
    },
    materials,
  )
