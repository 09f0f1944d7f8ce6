import type { Materials, Peer } from '../contract.ts'
import { run, versionOf } from '../process.ts'
import { groupNamed } from '../suites.ts'
import { cacheFile, program } from './cache.ts'
import { programPeer } from './program.ts'

/** Java's JSSE. What it takes only when it starts makes a process of its own. */
export const java = (materials: Materials): Peer =>
  programPeer(
    {
      name: 'java',
      async find() {
        const version = await versionOf('javac', ['-version'], /^javac \S+/)
        if (version) await run('javac', ['-d', cacheFile('java'), program('Peer.java')], { keep: true })
        return version && versionOf('java', ['-version'], /^openjdk version \S+/)
      },
      cannot: (s) => (s.encryptThenMac ? 'etm' : undefined),
      async command(s, part) {
        const groups = part === 'server' ? s.serverGroups : s.clientGroups
        const withoutTickets = ['client', 'server'].map((p) => `-Djdk.tls.${p}.enableSessionTicketExtension=false`)
        return [
          ...(['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'] as const),
          ...['-cp', cacheFile('java'), '-Dcom.sun.net.ssl.requireCloseNotify=true'],
          ...(groups ? [`-Djdk.tls.namedGroups=${groups.map((g) => groupNamed(g).java).join(',')}`] : []),
          ...(s.resume === 'id' ? withoutTickets : []),
          ...['Peer', 'jdk.tls.disabledAlgorithms='],
          // one update in 40000 bytes
          ...(s.keyUpdate === part ? ['jdk.tls.keyLimits=AES/GCM/NoPadding KeyUpdate 2^15'] : []),
        ]
      },
    },
    materials,
  )
