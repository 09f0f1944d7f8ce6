import { TlsError } from '../errors.ts'
import { type Codec, decode, list, mark, opaque, struct, u8, u16, u32 } from '../wire/codec.ts'
import { extension } from './extension.ts'

// What the handshake uses by name, in the order that its statements say (RFC 9846 section 4.2): codecs only.

export const KeyShareEntry = struct('KeyShareEntry', { group: u16, keyExchange: opaque(1, 2 ** 16 - 1) })

export const supportedGroups = extension({
  type: 10,
  in: {
    clientHello: list(u16, 2, 2 ** 16 - 1),
    encryptedExtensions: list(u16, 2, 2 ** 16 - 1),
    serverHello12: list(u16, 2, 2 ** 16 - 1),
  },
})

const schemeList = list(u16, 2, 2 ** 16 - 2)
export const signatureAlgorithms = extension({
  type: 13,
  in: { clientHello: schemeList, certificateRequest: schemeList },
})
export const signatureAlgorithmsCert = extension({
  type: 50,
  in: { clientHello: schemeList, certificateRequest: schemeList },
})

const timestamps = list(opaque(1, 2 ** 16 - 1), 3, 2 ** 16 - 1)
/** signed_certificate_timestamp (RFC 6962 section 3.3): the list stays as it is, but a list it must be. */
const sctList: Codec<Uint8Array> = {
  name: 'SignedCertificateTimestampList',
  read(r) {
    const whole = r.bytes.subarray(r.at, r.end)
    timestamps.read(r)
    return whole.subarray(0, whole.length - r.left)
  },
  write(w, value) {
    try {
      decode(timestamps, value)
    } catch (cause) {
      const detail = 'what is configured as our list of certificate timestamps is none'
      throw new TlsError('internal_error', 'NO_VALID_SCTS', detail, { cause })
    }
    w.raw(value)
  },
}
export const signedCertificateTimestamp = extension({
  type: 18,
  in: { clientHello: mark, serverHello12: sctList, certificateRequest: mark, certificate: sctList },

  offer: ({ config }) => (config.scts ? true : undefined),
  answer: ({ version, facts }) => (version === 0x0303 && !facts.resumed ? facts.identity?.scts : undefined),
  confirm({ facts }, answer) {
    if (answer instanceof Uint8Array) facts.scts = answer.slice()
  },
})

export const preSharedKey = extension({
  type: 41,
  in: {
    clientHello: struct('OfferedPsks', {
      identities: list(
        struct('PskIdentity', { identity: opaque(1, 2 ** 16 - 1), obfuscatedTicketAge: u32 }),
        7,
        2 ** 16 - 1,
      ),
      // 32 to 255 bytes each; in a hello that leads to TLS 1.2 they mean nothing, and one that is too short proves nothing
      binders: list(opaque(1, 255), 2, 2 ** 16 - 1),
    }),
    serverHello: u16,
  },
})
export const earlyData = extension({
  type: 42,
  in: { clientHello: mark, encryptedExtensions: mark, newSessionTicket: u32 },
})
export const supportedVersions = extension({
  type: 43,
  in: { clientHello: list(u16, 2, 254), serverHello: u16, helloRetryRequest: u16 },
})
const cookieBytes = opaque(1, 2 ** 16 - 1)
export const cookie = extension({ type: 44, in: { clientHello: cookieBytes, helloRetryRequest: cookieBytes } })

export const PSK_KE = 0
export const PSK_DHE_KE = 1
export const pskKeyExchangeModes = extension({ type: 45, in: { clientHello: list(u8, 1, 255) } })

const distinguishedNames = list(opaque(1, 2 ** 16 - 1), 3, 2 ** 16 - 1)
export const certificateAuthorities = extension({
  type: 47,
  in: { clientHello: distinguishedNames, certificateRequest: distinguishedNames },
})
export const postHandshakeAuth = extension({ type: 49, in: { clientHello: mark } })
export const keyShare = extension({
  type: 51,
  in: { clientHello: list(KeyShareEntry, 0, 2 ** 16 - 1), serverHello: KeyShareEntry, helloRetryRequest: u16 },
})
