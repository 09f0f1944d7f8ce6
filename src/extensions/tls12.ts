import { equal } from '../bytes/compare.ts'
import { TLS12 } from '../config.ts'
import { ciphers, type Suite } from '../crypto/suites.ts'
import { illegal, TlsError } from '../errors.ts'
import { list, mark, opaque, rest, u8 } from '../wire/codec.ts'
import { extension, type Negotiation } from './extension.ts'

// What only TLS 1.2 knows. A client that offers 1.3 alone sends none of these.

const offers12 = ({ config }: Negotiation): boolean => config.versions.includes(TLS12)
const isEcdh = ({ agreement }: Suite): boolean => agreement.startsWith('ecdhe')
const offersCurves = (n: Negotiation): boolean => offers12(n) && n.config.suites.some(isEcdh)

const UNCOMPRESSED = 0
const formats = list(u8, 1, 255)

/** ec_point_formats (RFC 8422 section 5.1.2): only uncompressed points are left. */
export const ecPointFormats = extension({
  type: 11,
  in: { clientHello: formats, serverHello12: formats },

  offer: (n) => (offersCurves(n) ? [UNCOMPRESSED] : undefined),

  answer({ version, suite }, offered) {
    if (version !== TLS12 || !suite || !isEcdh(suite)) return undefined
    if (!offered.includes(UNCOMPRESSED))
      throw illegal('TLS_INVALID_ECPOINTFORMAT_LIST', 'uncompressed points are missing')
    return [UNCOMPRESSED]
  },

  confirm({ suite }, answer) {
    if (suite && isEcdh(suite) && !answer.includes(UNCOMPRESSED)) {
      throw illegal('TLS_INVALID_ECPOINTFORMAT_LIST', 'uncompressed points are missing')
    }
  },
})

/** encrypt_then_mac (RFC 7366): for CBC suites. */
export const encryptThenMac = extension({
  type: 22,
  in: { clientHello: mark, serverHello12: mark },

  offer: (n) =>
    offers12(n) && n.config.encryptThenMac && n.config.suites.some((s) => ciphers[s.cipher].mode === 'cbc')
      ? true
      : undefined,

  answer({ config, version, suite, facts }) {
    if (version !== TLS12 || !config.encryptThenMac || !suite || ciphers[suite.cipher].mode !== 'cbc') return undefined
    facts.encryptThenMac = true
    return true
  },

  confirm({ suite, facts }) {
    // a server that answers it for an AEAD suite means nothing by it
    facts.encryptThenMac = suite !== undefined && ciphers[suite.cipher].mode === 'cbc'
  },
})

/** extended_master_secret (RFC 7627): the master secret is bound to the whole handshake. */
export const extendedMasterSecret = extension({
  type: 23,
  in: { clientHello: mark, serverHello12: mark },

  offer: (n) => (offers12(n) && n.config.extendedMasterSecret !== 'off' ? true : undefined),

  answer({ config, version, facts }) {
    if (version !== TLS12 || config.extendedMasterSecret === 'off') return undefined
    facts.extendedMasterSecret = true
    return true
  },

  confirm({ facts }) {
    facts.extendedMasterSecret = true
  },
})

const connection = opaque(0, 255)

/** renegotiation_info (RFC 5746): both ends know it, so nobody can splice handshakes. It is empty, as we never renegotiate. */
export const renegotiationInfo = extension({
  type: 0xff01,
  in: { clientHello: connection, serverHello12: connection },

  offer: (n) => (offers12(n) && !n.config.renegotiationSuite ? new Uint8Array(0) : undefined),

  answer({ version, facts }, offered) {
    if (!equal(offered, new Uint8Array(0))) {
      throw new TlsError(
        'handshake_failure',
        'RENEGOTIATION_MISMATCH',
        'renegotiation_info of a first handshake must be empty',
      )
    }
    facts.secureRenegotiation = true
    return version === TLS12 ? offered : undefined
  },

  confirm({ facts }, answer) {
    if (answer.length > 0) {
      throw new TlsError(
        'handshake_failure',
        'RENEGOTIATION_MISMATCH',
        'renegotiation_info of a first handshake must be empty',
      )
    }
    facts.secureRenegotiation = true
  },
})

/** session_ticket (RFC 5077): the ticket itself, or empty for "give me one"; `client12` and `server12` do the rest. */
export const sessionTicket = extension({
  type: 35,
  in: { clientHello: rest, serverHello12: mark },
})
