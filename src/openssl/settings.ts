import type { NamedGroup } from '../crypto/groups.ts'
import type { Scheme } from '../crypto/schemes.ts'
import type { Suite } from '../crypto/suites.ts'
import { defaultCiphersuites } from './ciphers.ts'
import type { CustomMethod } from './custom.ts'
import { defaultGroups, defaultSchemes, type SuiteB } from './lists.ts'
import type { PaddingCallback } from './padding.ts'
import type { PskClientCallback, PskFindSessionCallback, PskServerCallback, PskUseSessionCallback } from './psk.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_MODE_AUTO_RETRY,
  SSL_OP_ENABLE_MIDDLEBOX_COMPAT,
  SSL_OP_LEGACY_SERVER_CONNECT,
  SSL_OP_NO_COMPRESSION,
} from './ssl-numbers.ts'
import type { EVP_PKEY, X509, X509_NAME } from './x509.ts'
import type { X509_STORE, X509_STORE_CTX } from './x509-store.ts'

export type VerifyCallback = (preverify_ok: 0 | 1, ctx: X509_STORE_CTX) => number
export type MsgCallback = (
  write_p: 0 | 1,
  version: number,
  content_type: number,
  buf: Uint8Array,
  ssl: SSL,
  arg: unknown,
) => void
export type CertCallback = (ssl: SSL, arg: unknown) => number
/** Whether a server takes the early data that it could take: 1 or 0. */
export type AllowEarlyDataCallback = (ssl: SSL, arg: unknown) => number

/** A certificate with its key, as they were loaded: either may be missing still. */
export interface Slot {
  readonly type: string
  certificate?: X509
  key?: EVP_PKEY
  chain?: readonly X509[]
}

/** What an SSL takes over from its context when it is made, and both can be asked and told. */
export class Settings {
  options = SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_MIDDLEBOX_COMPAT
  mode = SSL_MODE_AUTO_RETRY
  minVersion = 0
  maxVersion = 0
  securityLevel = 1

  ciphersuites: readonly Suite[] = defaultCiphersuites
  /** Of TLS 1.2. Null on an SSL that has none of its own: its context's counts. */
  cipherList: readonly Suite[] | null = null
  /** What a SUITEB word in the cipher list said: it restricts all that follows too. */
  suiteB: SuiteB | null = null
  groups: readonly NamedGroup[] = defaultGroups
  schemes: readonly Scheme[] = defaultSchemes
  /** What a server asks a client to sign with, where that differs. */
  clientSchemes: readonly Scheme[] | null = null

  verifyMode = 0
  verifyCallback: VerifyCallback | null = null
  /** Intermediates at most; -1: unset. */
  verifyDepth = -1
  /** X509_V_FLAG_ bits beside those of the store; milliseconds as of which certificates are judged. */
  verifyFlags = 0
  verifyTime: number | null = null
  hosts: readonly string[] = []
  hostFlags = 0
  /** Instead of the context's store. */
  verifyStore: X509_STORE | null = null
  chainStore: X509_STORE | null = null

  /** By kind of key. */
  slots: ReadonlyMap<string, Slot> = new Map()
  /** The kind that was loaded last. */
  current: string | null = null
  certCallback: CertCallback | null = null
  certCallbackArgument: unknown = null
  /** Instead of those of the context. */
  passwordCallback: ((size: number, rwflag: number, u: unknown) => string | Uint8Array | null) | null = null
  passwordArgument: unknown = null
  caList: readonly X509_NAME[] = []
  /** Instead of `caList`, in what a server asks. */
  clientCaList: readonly X509_NAME[] | null = null
  maxCertList = 102400

  /** Extensions of the program's own. */
  custom: readonly CustomMethod[] = []
  /** Names in their wire form. */
  alpn: Uint8Array = new Uint8Array(0)
  serverName: string | null = null
  statusType = -1
  /** A client offers to authenticate later. */
  postHandshakeAuth = false
  maxFragmentLength = 0

  sessionContext: Uint8Array = new Uint8Array(0)
  ticketCount = 2

  pskClient: PskClientCallback | null = null
  pskServer: PskServerCallback | null = null
  pskUse: PskUseSessionCallback | null = null
  pskFind: PskFindSessionCallback | null = null
  pskHint: Uint8Array | null = null
  /** Bytes that tickets allow, and that are taken whatever they allow. */
  maxEarlyData = 0
  recvMaxEarlyData = 16384
  allowEarlyData: AllowEarlyDataCallback | null = null
  allowEarlyDataArgument: unknown = null

  msgCallback: MsgCallback | null = null
  msgCallbackArgument: unknown = null
  quietShutdown = 0
  readAhead = 0
  maxSendFragment = 16384
  splitSendFragment = 16384
  blockPadding = 0
  paddingCallback: PaddingCallback | null = null
  paddingArgument: unknown = null

  copy(): Settings {
    const copy = Object.assign(new Settings(), this)
    copy.slots = new Map([...this.slots].map(([type, slot]) => [type, { ...slot }]))
    return copy
  }
}

/** A context or a connection. */
export interface Holder {
  readonly settings: Settings
}
