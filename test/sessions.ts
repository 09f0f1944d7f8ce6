import type { Session } from '../src/session/session.ts'

const none = new Uint8Array(0)

/** A session with nothing in it but what must be. */
export const blank: Session = {
  version: 0x0304,
  suite: 0x1301,
  secret: new Uint8Array(32).fill(7),
  id: none,
  ticket: none,
  ticketAgeAdd: 0,
  lifetime: 7200,
  created: 0,
  serverName: 'localhost',
  peerName: undefined,
  alpn: undefined,
  extendedMasterSecret: false,
  encryptThenMac: false,
  chain: [],
  verifyCode: 0,
  context: none,
  binding: none,
  region: '',
  earlyData: 0,
  maxFragmentLength: 0,
  recordLimit: 0,
  trustedUntil: 2 ** 48 - 1,
  group: 0,
  peerScheme: 0,
  ocsp: none,
  scts: none,
  appData: none,
}
