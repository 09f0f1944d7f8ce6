import { TlsError } from '../errors.ts'
import { type Codec, type Infer, opaque, struct, u8, u16 } from '../wire/codec.ts'

const NAMED_CURVE = 3

const curveType: Codec<number> = {
  ...u8,
  read(r) {
    const type = u8.read(r)
    if (type !== NAMED_CURVE)
      throw new TlsError('illegal_parameter', 'WRONG_CURVE', `curve type ${type} is not named_curve (3)`)
    return type
  },
}

/** What is signed of an ECDHE ServerKeyExchange, beside the randoms (RFC 8422 section 5.4). */
export const ServerEcdhParams = struct('ServerECDHParams', { curveType, namedCurve: u16, point: opaque(1, 255) })
export const serverEcdhParams = (namedCurve: number, point: Uint8Array): Infer<typeof ServerEcdhParams> => ({
  curveType: NAMED_CURVE,
  namedCurve,
  point,
})

/** ServerKeyExchange of the ECDHE suites; static RSA has none. */
export const ServerKeyExchange = struct('ServerKeyExchange', {
  params: ServerEcdhParams,
  algorithm: u16,
  signature: opaque(0, 2 ** 16 - 1),
})

/** psk_identity_hint and psk_identity (RFC 4279 section 2). */
export const PskIdentity = opaque(0, 2 ** 16 - 1)

/** Key exchanges by a key agreed elsewhere and ephemeral points (RFC 5489 section 2). */
export const ServerEcdhPskExchange = struct('ServerKeyExchange', { hint: PskIdentity, params: ServerEcdhParams })
export const ClientEcdhPskExchange = struct('ClientKeyExchange', { identity: PskIdentity, point: opaque(1, 255) })

/** ClientKeyExchange: a point (RFC 8422 section 5.7) or an encrypted premaster secret (RFC 5246 section 7.4.7.1). */
export const ClientEcdhPublic = opaque(1, 255)
export const EncryptedPremaster = opaque(0, 2 ** 16 - 1)
