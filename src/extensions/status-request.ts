import { TLS12 } from '../config.ts'
import { TlsError } from '../errors.ts'
import { type Codec, mark, opaque, rest, struct, u8 } from '../wire/codec.ts'
import { extension } from './extension.ts'

export const OCSP = 1

const request = struct('CertificateStatusRequest', { statusType: u8, request: rest })
/** CertificateStatus (RFC 6066 section 8), an extension of a Certificate in TLS 1.3 and a message in 1.2. */
const status = struct('CertificateStatus', { statusType: u8, response: opaque(1, 2 ** 24 - 1) })
export const certificateStatus: Codec<Uint8Array> = {
  name: status.name,
  read(r) {
    const { statusType, response } = status.read(r)
    if (statusType !== OCSP)
      throw new TlsError('decode_error', 'UNSUPPORTED_STATUS_TYPE', `status type ${statusType} is not ocsp (1)`)
    return response
  },
  write: (w, response) => status.write(w, { statusType: OCSP, response }),
  ...(status.parts && { parts: status.parts }),
}

/** status_request (RFC 6066 section 8, RFC 9846 section 4.4.2.1): the server's own OCSP response, stapled. */
export const statusRequest = extension({
  type: 5,
  // a server that asks for our response says so with an empty one
  in: { clientHello: request, serverHello12: mark, certificateRequest: mark, certificate: certificateStatus },

  offer: ({ config }) => (config.ocsp ? { statusType: OCSP, request: config.ocspRequest ?? ANY } : undefined),

  answer: ({ version, facts }, { statusType }) =>
    version === TLS12 && statusType === OCSP && facts.identity?.ocsp && !facts.resumed ? true : undefined,
})

/** No responder named, no extensions. */
const ANY = new Uint8Array(4)
