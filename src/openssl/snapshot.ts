import { latin1 } from '../bytes/text.ts'
import { type Config, defineConfig, type HelloFacts, type Identity } from '../config.ts'
import type { Scheme } from '../crypto/schemes.ts'
import { type Suite, suiteById } from '../crypto/suites.ts'
import { TlsError } from '../errors.ts'
import { type Hook, RETRY, type Retry } from '../task.ts'
import { alertBy, Listener } from './callbacks.ts'
import { identitiesOf } from './certificates.ts'
import { defaultCipherList, defaultPskList } from './ciphers.ts'
import { customOf } from './custom.ts'
import {
  defaultGroups,
  defaultSchemes,
  groupStrength,
  levelBits,
  protocols,
  schemeStrength,
  servedGroups,
  servedSchemes,
  suiteB,
  suiteStrength,
} from './lists.ts'
import { paddingOf } from './padding.ts'
import { pskPart, suitesForKeys, usesPskSuites } from './psk.ts'
import { keep, storeOf, ticketsOf } from './resumption.ts'
import type { Settings } from './settings.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_CLIENT_HELLO_SUCCESS,
  SSL_MODE_SEND_FALLBACK_SCSV,
  SSL_OP_CIPHER_SERVER_PREFERENCE,
  SSL_OP_ENABLE_MIDDLEBOX_COMPAT,
  SSL_OP_LEGACY_SERVER_CONNECT,
  SSL_OP_NO_ENCRYPT_THEN_MAC,
  SSL_OP_NO_TICKET,
  SSL_OP_PRIORITIZE_CHACHA,
  SSL_TLSEXT_ERR_ALERT_FATAL,
  SSL_TLSEXT_ERR_ALERT_WARNING,
  SSL_TLSEXT_ERR_NOACK,
  SSL_TLSEXT_ERR_OK,
  SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
  SSL_VERIFY_PEER,
  SSL_VERIFY_POST_HANDSHAKE,
} from './ssl-numbers.ts'
import { statelessOf } from './stateless-hook.ts'
import { stapled } from './status.ts'
import { verifierOf } from './verify.ts'
import { allowedVersions, servedVersions } from './versions.ts'

/** What the records of early data that is skipped may add. */
const EARLY_OVERHEAD = 256

const MFL = [undefined, 512, 1024, 2048, 4096] as const

/** What the engine is told: the settings of an SSL as they stand, with the program's callbacks in the engine's form. */
export const snapshot = (ssl: SSL, listener: Listener = new Listener(ssl)): Config => {
  const { settings, ctx, role } = ssl
  const { options, mode, securityLevel } = settings
  const client = role === 'client'
  const strength = levelBits[securityLevel] ?? 256
  const byPsk = usesPskSuites(ssl)
  const named = settings.cipherList ?? ctx.settings.cipherList
  const cipherList = (named ?? [...defaultCipherList, ...defaultPskList]).filter(
    ({ authentication }) => byPsk || authentication !== 'psk',
  )
  const insists = (settings.verifyMode & SSL_VERIFY_PEER) !== 0
  const requires = insists && (settings.verifyMode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) !== 0
  const names = (!client && settings.clientCaList) || settings.caList
  const tickets = ticketsOf(ssl)
  const sessions = client ? undefined : storeOf(ssl)
  const fragment = client ? MFL[settings.maxFragmentLength] : undefined
  const peerName = settings.hosts.join()
  const padding = paddingOf(ssl)
  const custom = customOf(ssl)
  const suites = [...suitesForKeys(ssl), ...cipherList].filter((suite) => suiteStrength(suite) >= strength)
  const allowed = allowedVersions(ssl.method, settings)
  // as in C, the highest version must have a suite, or nothing is negotiated at all
  const lacksSuite = allowed.length > 0 && !suites.some(({ version }) => version === allowed[0])
  const { groups, schemes, clientSchemes } = algorithms(settings, client)
  const strong = (scheme: Scheme): boolean => schemeStrength(scheme) >= strength
  return defineConfig({
    provider: ctx.provider,
    versions: client ? allowed : servedVersions(ssl, allowed),
    suites: lacksSuite ? [] : prefersChacha(ssl) ? chachaFirst(suites) : suites,
    groups: groups.filter((group) => groupStrength(group) >= strength),
    schemes: schemes.filter(strong),
    ...(clientSchemes && { clientSchemes: clientSchemes.filter(strong) }),
    curveBound: settings.suiteB !== null,
    serverPreference: (options & SSL_OP_CIPHER_SERVER_PREFERENCE) !== 0 || settings.suiteB !== null,
    certificate: certificateHook(ssl),
    clientAuth: requires ? 'require' : insists ? 'request' : 'none',
    authenticateLater: (settings.verifyMode & SSL_VERIFY_POST_HANDSHAKE) !== 0,
    postHandshakeAuth: client && settings.postHandshakeAuth,
    ...(names.length > 0 && { authorities: names.map(({ name }) => name.raw) }),
    verifier: verifierOf(ssl),
    ...(tickets && { tickets }),
    ...(sessions && { sessions }),
    ticketCount: securityLevel >= 3 ? 0 : settings.ticketCount,
    sessionLifetime: ctx.cache.timeout,
    sessionContext: settings.sessionContext,
    onSession: (session) => keep(ssl, session),
    encryptThenMac: (options & SSL_OP_NO_ENCRYPT_THEN_MAC) === 0,
    middlebox: (options & SSL_OP_ENABLE_MIDDLEBOX_COMPAT) !== 0,
    legacyServer: (options & SSL_OP_LEGACY_SERVER_CONNECT) !== 0,
    renegotiationSuite: true,
    fallback: (mode & SSL_MODE_SEND_FALLBACK_SCSV) !== 0,
    // every message has a record of its own, as it has with OpenSSL
    coalesce: false,
    maxSendFragment: settings.maxSendFragment,
    // a client says that early data follows when it does
    earlyData: client ? Number(ssl.early === 'connecting') : settings.maxEarlyData,
    limits: {
      certificate: settings.maxCertList,
      skippedEarlyData: settings.recvMaxEarlyData + EARLY_OVERHEAD,
      // libssl leaves the clock to its caller
      handshake: 0,
      updatesPerMinute: Number.POSITIVE_INFINITY,
    },
    ...pskPart(ssl),
    trace: (event) => listener.hear(event),
    ...(fragment && { maxFragmentLength: fragment }),
    ...(padding && { padding }),
    ...(custom && { custom }),
    ...(client ? clientPart(ssl, peerName) : serverPart(ssl, listener, lacksSuite)),
  })
}

/** What is exchanged and signed with. A server without lists of its own asks of its clients less than it does for them. */
const algorithms = (settings: Settings, client: boolean): Pick<Settings, 'groups' | 'schemes' | 'clientSchemes'> => {
  const { groups, schemes, clientSchemes } = settings
  if (settings.suiteB !== null) return { clientSchemes: null, ...suiteB(settings.suiteB) }
  if (client) return { groups, schemes, clientSchemes }
  return {
    groups: groups === defaultGroups ? servedGroups : groups,
    schemes: schemes === defaultSchemes ? servedSchemes : schemes,
    clientSchemes: clientSchemes ?? schemes,
  }
}

/** SSL_OP_PRIORITIZE_CHACHA: a client that prefers ChaCha20 has no hardware for AES, so our own order gives way. */
const prefersChacha = ({ hello, settings: { options } }: SSL): boolean => {
  const both = SSL_OP_PRIORITIZE_CHACHA | SSL_OP_CIPHER_SERVER_PREFERENCE
  if (!hello || (options & both) !== both) return false
  const first = hello.suites.map(suiteById).find((suite) => suite !== undefined)
  return first?.cipher === 'chacha20-poly1305'
}
const chachaFirst = (suites: readonly Suite[]): Suite[] => {
  const is = ({ cipher }: Suite): boolean => cipher === 'chacha20-poly1305'
  return [...suites.filter(is), ...suites.filter((suite) => !is(suite))]
}

const noCiphers = (): never => {
  throw new TlsError(
    'handshake_failure',
    'NO_CIPHERS_AVAILABLE',
    'the highest version that is enabled has no cipher suite; set one, or lower the version',
  )
}

const clientPart = (ssl: SSL, peerName: string) => {
  const { settings, session } = ssl
  const alpn = protocols(settings.alpn)
  return {
    ocsp: settings.statusType === 1,
    ...(ssl.statusRequest && { ocspRequest: ssl.statusRequest }),
    ...(alpn.length > 0 && { alpn }),
    ...(settings.serverName !== null && { serverName: settings.serverName }),
    // sessions are resumed for the names that they were verified for
    ...(peerName !== '' && { peerName }),
    ...(session?.resumable && { session: session.data }),
  }
}

const serverPart = (ssl: SSL, listener: Listener, lacksSuite: boolean) => ({
  select: lacksSuite ? noCiphers : selectHook(ssl, listener),
  ...(ssl.stateless && { stateless: statelessOf(ssl) }),
  // a name that nobody was asked about is not acknowledged
  ...unknownNameOf(ssl),
  ...(ssl.ctx.alpnSelectCallback && { selectAlpn: alpnHook(ssl) }),
})

const unknownNameOf = ({ unknownName, ctx }: SSL): Pick<Partial<Config>, 'unknownName'> => {
  const silent = unknownName ?? (ctx.serverNameCallback ? undefined : 'silent')
  return silent ? { unknownName: silent } : {}
}

const alpnHook =
  (ssl: SSL): Hook<readonly string[], string | undefined | false> =>
  (offered) => {
    const { alpnSelectCallback, alpnSelectArgument } = ssl.ctx
    if (!alpnSelectCallback) return undefined
    const wire = Uint8Array.from(offered.flatMap((name) => [name.length, ...Array.from(name, (c) => c.charCodeAt(0))]))
    const answer = alpnSelectCallback(ssl, wire, alpnSelectArgument)
    const ret = typeof answer === 'number' ? answer : answer.ret
    if (ret === SSL_TLSEXT_ERR_NOACK) return undefined
    return ret === SSL_TLSEXT_ERR_OK && typeof answer === 'object' ? latin1(answer.selected) : false
  }

/** cert_cb and client_cert_cb (SSL_CTX_set_cert_cb(3), SSL_CTX_set_client_cert_cb(3)), then what is loaded. */
const certificateHook = (ssl: SSL) => (): readonly Identity[] | Retry => {
  const { certCallback, certCallbackArgument } = ssl.settings
  if (certCallback) {
    const ret = certCallback(ssl, certCallbackArgument)
    if (ret < 0) return RETRY
    if (ret === 0)
      throw new TlsError('internal_error', 'CERT_CB_ERROR', 'the certificate callback of the program failed')
  }
  const staple = ssl.role === 'server' ? stapled(ssl) : undefined
  const loaded = identitiesOf(ssl).map((identity) => (staple ? { ...identity, ocsp: staple } : identity))
  const { clientCertCallback } = ssl.ctx
  if (loaded.length > 0 || ssl.role === 'server' || !clientCertCallback) return loaded
  const answer = clientCertCallback(ssl)
  const ret = typeof answer === 'number' ? answer : answer.ret
  if (ret < 0) return RETRY
  if (ret === 0 || typeof answer === 'number') return []
  return [{ chain: [answer.x509.certificate.raw], key: answer.pkey.key }]
}

/** client_hello_cb, then the servername callback; both may change the settings, so the rest goes by a new snapshot. */
const selectHook =
  (ssl: SSL, listener: Listener) =>
  (hello: HelloFacts): Config | undefined | Retry => {
    const { clientHelloCallback, clientHelloArgument } = ssl.ctx
    const before = suitesForKeys(ssl)
    ssl.hello = hello
    if (clientHelloCallback) {
      const answer = clientHelloCallback(ssl, clientHelloArgument)
      const ret = typeof answer === 'number' ? answer : answer.ret
      if (ret < 0) return RETRY
      if (ret !== SSL_CLIENT_HELLO_SUCCESS) {
        const alert = typeof answer === 'object' ? alertBy(answer.al) : 'internal_error'
        throw new TlsError(alert, 'CALLBACK_FAILED', 'the ClientHello callback of the program refuses')
      }
    }
    const { serverNameCallback, serverNameArgument } = ssl.ctx
    ssl.ticketless12 = (ssl.settings.options & SSL_OP_NO_TICKET) !== 0
    if (serverNameCallback) askServerName(ssl, serverNameCallback(ssl, serverNameArgument))
    const changed = clientHelloCallback || serverNameCallback || prefersChacha(ssl) || suitesForKeys(ssl) !== before
    return changed ? snapshot(ssl, listener) : undefined
  }

const askServerName = (ssl: SSL, answer: number | { ret: number; al: number }): void => {
  const ret = typeof answer === 'number' ? answer : answer.ret
  const alert = typeof answer === 'object' ? alertBy(answer.al) : 'unrecognized_name'
  if (ret === SSL_TLSEXT_ERR_ALERT_FATAL)
    throw new TlsError(alert, 'CALLBACK_FAILED', 'the server name callback of the program refuses')
  ssl.unknownName = ret === SSL_TLSEXT_ERR_ALERT_WARNING ? 'warn' : ret === SSL_TLSEXT_ERR_NOACK ? 'silent' : undefined
}
