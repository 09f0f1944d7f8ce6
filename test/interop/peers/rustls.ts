import { dirname } from 'node:path'
import type { Group, Materials, Peer } from '../contract.ts'
import { run, versionOf } from '../process.ts'
import { cacheFile, program } from './cache.ts'
import { programPeer } from './program.ts'

const groups: Group[] = ['X25519', 'P-256', 'P-384']
const manifest = program('rustls/Cargo.toml')

/** rustls with the provider ring, built by cargo. */
export const rustls = (materials: Materials): Peer =>
  programPeer(
    {
      name: 'rustls',
      async find() {
        if (!(await versionOf('cargo', ['--version'], /^cargo \S+/))) return undefined
        const fetched = await run('cargo', ['fetch', '--locked', '--manifest-path', manifest], { keep: true }).catch(
          () => undefined,
        )
        if (fetched === undefined) return undefined // no crates without a network
        const target = ['--manifest-path', manifest, '--target-dir', dirname(cacheFile('rustls/target'))]
        await run('cargo', ['build', '--release', '--locked', '--quiet', ...target], { keep: true })
        const lock = await run('cargo', [
          'tree',
          '--manifest-path',
          manifest,
          '--locked',
          '--prefix',
          'none',
          '--depth',
          '1',
        ])
        return lock.match(/^rustls v\S+/m)?.[0] ?? 'rustls'
      },
      can: { earlyData: ['client', 'server'] },
      cannot(s, part) {
        if (s.encryptThenMac !== undefined || s.suite?.startsWith('TLS_RSA_') || s.suite?.includes('CBC'))
          return 'suite'
        if ((part === 'server' ? s.serverGroups : s.clientGroups)?.some((g) => !groups.includes(g))) return 'group'
        if (s.certificate === 'rsa-pss' || s.clientCertificate === 'rsa-pss') return 'certificate'
        return undefined
      },
      command: async () => [cacheFile('rustls/release/peer-rustls')],
    },
    materials,
  )
