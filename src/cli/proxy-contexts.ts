import { type Config, type ConfigInput, defineConfig, type Identity } from '../config.ts'
import { node } from '../crypto/node/index.ts'
import type { Sessions } from '../session/session.ts'
import type { Tickets } from '../session/tickets.ts'
import { runAsync, wait } from '../task.ts'
import { type Certificate, loadCertificates, loadPrivateKey, verifier } from '../x509/index.ts'
import { trustAnyone } from '../x509/path.ts'
import { Failure, sentence } from './failure.ts'
import { readWhole } from './files.ts'
import type { CertificateFiles, ProxySettings } from './proxy-settings.ts'

/** What does not change when certificates are read again. */
export interface Lasting {
  readonly tickets: Tickets
  readonly sessions: Sessions
  readonly now: () => number
}

/** By which config a client goes on: by the name that it asks for. */
export interface Contexts {
  /** What every handshake begins with. */
  readonly usual: Config
}

/** Reads certificates and keys, and checks that they belong together. Throws `Failure` for what is wrong with a file. */
export const readContexts = async (settings: ProxySettings, lasting: Lasting): Promise<Contexts> => {
  const { clientCa, clientOptional, alpn, earlyData, earlyDataWindow } = settings
  const authorities = clientCa === undefined ? undefined : certificatesIn(clientCa)
  const base: ConfigInput = {
    provider: node,
    // without authorities no client is asked, and nobody is verified
    verifier: authorities ? verifier({ anchors: authorities }) : trustAnyone,
    ...(authorities && {
      clientAuth: clientOptional ? ('request' as const) : ('require' as const),
      authorities: authorities.map(({ subject }) => subject.raw),
    }),
    ...(alpn && { alpn }),
    tickets: lasting.tickets,
    sessions: lasting.sessions,
    now: lasting.now,
    ticketCount: settings.tickets,
    sessionLifetime: settings.ticketLifetime,
    earlyData,
    earlyDataWindow,
  }
  const configs: { readonly pattern: RegExp | undefined; readonly config: Config }[] = []
  for (const files of settings.certificates)
    configs.push({
      pattern: patternOf(files.name),
      config: defineConfig({ ...base, identities: [await identity(files)] }),
    })
  const fallback = (configs.find(({ pattern }) => !pattern) ?? configs[0])?.config
  if (!fallback) throw new Failure('there is no certificate')
  const usual: Config = {
    ...fallback,
    select: ({ serverName }) =>
      serverName === undefined
        ? undefined
        : configs.find(({ pattern }) => pattern?.test(serverName.toLowerCase()))?.config,
  }
  return { usual }
}

const patternOf = (name: string | undefined): RegExp | undefined =>
  name === undefined ? undefined : new RegExp(`^${name.replace(/[.+?^$()[\]{}|\\]/g, '\\$&').replace(/^\*/, '[^.]+')}$`)

const certificatesIn = (path: string): readonly Certificate[] => {
  const data = readWhole(path)
  try {
    return loadCertificates(data)
  } catch (error) {
    throw new Failure(`${path}: ${sentence(error)}`)
  }
}

const identity = async ({ cert, key }: CertificateFiles): Promise<Identity> => {
  const chain = certificatesIn(cert)
  const data = readWhole(key)
  try {
    const loaded = await runAsync(wait(loadPrivateKey(data, node)))
    const [leaf] = chain
    if (!leaf || Buffer.compare(leaf.spki, loaded.spki) !== 0)
      throw new Failure(`it is not the key of the certificate in ${cert}`)
    return { chain: chain.map(({ raw }) => raw), key: loaded }
  } catch (error) {
    throw new Failure(`${key}: ${sentence(error)}`)
  }
}
