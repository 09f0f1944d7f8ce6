import { extensions } from '../extensions/block.ts'
import { type Infer, list, opaque, struct, u8, u16 } from '../wire/codec.ts'

/** RFC 9846 section 4.4.2 */
export const Certificate = struct('Certificate', {
  certificateRequestContext: opaque(0, 255),
  certificateList: list(
    struct('CertificateEntry', { certData: opaque(1, 2 ** 24 - 1), extensions: extensions('certificate') }),
    0,
    2 ** 24 - 1,
  ),
})
export type Certificate = Infer<typeof Certificate>

/** RFC 5246 section 7.4.2 */
export const Certificate12 = list(opaque(1, 2 ** 24 - 1), 0, 2 ** 24 - 1)

/** RFC 9846 section 4.3.2 */
export const CertificateRequest = struct('CertificateRequest', {
  certificateRequestContext: opaque(0, 255),
  extensions: extensions('certificateRequest'),
})
export type CertificateRequest = Infer<typeof CertificateRequest>

/** RFC 5246 section 7.4.4 */
export const CertificateRequest12 = struct('CertificateRequest', {
  certificateTypes: list(u8, 1, 255),
  supportedSignatureAlgorithms: list(u16, 2, 2 ** 16 - 2),
  certificateAuthorities: list(opaque(1, 2 ** 16 - 1), 0, 2 ** 16 - 1),
})

/** RFC 9846 section 4.4.3, RFC 5246 section 7.4.8 */
export const CertificateVerify = struct('CertificateVerify', { algorithm: u16, signature: opaque(0, 2 ** 16 - 1) })
export type CertificateVerify = Infer<typeof CertificateVerify>
