import type { Group, Materials, Peer } from '../contract.ts'
import { run, versionOf } from '../process.ts'
import { cacheFile, program } from './cache.ts'
import { programPeer } from './program.ts'

const groups: Group[] = ['X25519', 'P-256', 'P-384', 'P-521']
const without = /CBC_SHA384|RSA_WITH_AES_256_CBC_SHA256/

/** Go's crypto/tls. */
export const go = (materials: Materials): Peer =>
  programPeer(
    {
      name: 'go',
      async find() {
        const version = await versionOf('go', ['version'], /go version (\S+)/)
        if (version) await run('go', ['build', '-o', cacheFile('peer-go'), program('peer.go')], { keep: true })
        return version
      },
      cannot(s, part) {
        if (s.encryptThenMac) return 'etm'
        if (s.suite && without.test(s.suite)) return 'suite'
        if ((part === 'server' ? s.serverGroups : s.clientGroups)?.some((g) => !groups.includes(g))) return 'group'
        if (s.certificate === 'rsa-pss' || s.clientCertificate === 'rsa-pss') return 'certificate'
        if (s.resume === 'id') return 'tickets-only'
        if (s.keyUpdate === part) return 'api'
        return undefined
      },
      command: async () => [cacheFile('peer-go')],
    },
    materials,
  )
