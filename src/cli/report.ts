import { hex } from '../bytes/text.ts'
import type { Scheme } from '../crypto/schemes.ts'
import {
  BIO_number_read,
  BIO_number_written,
  type SSL,
  SSL_CIPHER_get_name,
  SSL_get_current_cipher,
  SSL_get_peer_certificate,
  SSL_get_rbio,
  SSL_get_verify_result,
  SSL_get_version,
  SSL_get_wbio,
  SSL_get0_alpn_selected,
  SSL_get0_peer_CA_list,
  SSL_get0_peername,
  type SSL_SESSION,
  SSL_SESSION_get_id,
  SSL_SESSION_get_protocol_version,
  SSL_SESSION_get_ticket_lifetime_hint,
  SSL_SESSION_get_time,
  SSL_SESSION_get_timeout,
  SSL_SESSION_get0_cipher,
  SSL_SESSION_get0_ticket,
  SSL_session_reused,
  type X509_STORE_CTX,
  X509_STORE_CTX_get_current_cert,
  X509_STORE_CTX_get_error,
  X509_STORE_CTX_get_error_depth,
} from '../openssl/index.ts'
import { readDer, tags } from '../x509/der.ts'
import { type Certificate, keyText, oneLine, verdictText, writePem } from '../x509/index.ts'
import { alpnText } from './settings.ts'
import { dump } from './show.ts'
import { printable } from './terminal.ts'

/** What s_client and s_server tell of a connection, in OpenSSL's words and order, so that what reads those reads these. */

/** The chain that the peer sent, and its certificate; every certificate when `all`. */
export const chainReport = (chain: readonly Certificate[], all: boolean): string => {
  const [leaf] = chain
  if (leaf === undefined) return '---\nno peer certificate available\n'
  const rows = chain.map((certificate, depth) => {
    const { subject, issuer, notBefore, notAfter, key } = certificate
    return [
      `${String(depth).padStart(2)} s:${oneLine(subject)}`,
      `   i:${oneLine(issuer)}`,
      `   a:PKEY: ${keyText(key)}`,
      `   v:NotBefore: ${dateText(notBefore)}; NotAfter: ${dateText(notAfter)}`,
      ...(all ? [pem(certificate)] : []),
    ].join('\n')
  })
  const own = `Server certificate\n${all ? '' : `${pem(leaf)}\n`}subject=${oneLine(leaf.subject)}\n\nissuer=${oneLine(leaf.issuer)}\n`
  return `---\nCertificate chain\n${rows.join('\n')}\n---\n${own}`
}

const pem = (certificate: Certificate): string => writePem('CERTIFICATE', certificate.raw).trimEnd()

/** `Nov 23 03:05:00 2026 GMT` */
export const dateText = (time: number): string => {
  const [, day, month, year, clock] = new Date(time).toUTCString().split(/[ ,]+/)
  return `${month} ${String(Number(day)).padStart(2)} ${clock} ${year} GMT`
}

/** Everything that s_client says once a handshake is over. */
export const clientReport = (ssl: SSL, chain: readonly Certificate[], all: boolean): string => {
  const version = SSL_get_version(ssl)
  const cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))
  const alpn = SSL_get0_alpn_selected(ssl)
  const authorities = SSL_get0_peer_CA_list(ssl) ?? []
  const result = SSL_get_verify_result(ssl)
  const name = SSL_get0_peername(ssl)
  const [leaf] = chain
  const { peerScheme, group, secureRenegotiation } = ssl.connection?.facts ?? {}
  return [
    chainReport(chain, all).trimEnd(),
    '---',
    ...(authorities.length > 0
      ? ['Acceptable client certificate CA names', ...authorities.map((authority) => oneLine(authority.name))]
      : ['No client certificate CA names sent']),
    ...(peerScheme ? signatureLines(peerScheme, 'Peer signing digest', 'Peer signature type') : []),
    ...(group ? [`Server Temp Key: ${group.openssl}, ${group.bits} bits`] : []),
    '---',
    `SSL handshake has read ${BIO_number_read(SSL_get_rbio(ssl) as never)} bytes and written ${BIO_number_written(SSL_get_wbio(ssl) as never)} bytes`,
    result === 0 ? 'Verification: OK' : `Verification error: ${verdictText(result)}`,
    ...(name === null ? [] : [`Verified peername: ${name}`]),
    '---',
    `${SSL_session_reused(ssl) === 1 ? 'Reused' : 'New'}, ${version}, Cipher is ${cipher}`,
    ...(leaf && leaf.key.bits > 0 ? [`Server public key is ${leaf.key.bits} bit`] : []),
    `Secure Renegotiation IS${secureRenegotiation ? '' : ' NOT'} supported`,
    'Compression: NONE',
    'Expansion: NONE',
    alpn.length > 0 ? `ALPN protocol: ${alpnText(alpn)}` : 'No ALPN negotiated',
    '',
  ].join('\n')
}

/** The SSL-Session block, which ends with the verdict. Secrets are left out: `-keylogfile` is for them. */
export const sessionReport = (session: SSL_SESSION, result: number): string => {
  const version = SSL_SESSION_get_protocol_version(session)
  const ticket = SSL_SESSION_get0_ticket(session)
  return [
    'SSL-Session:',
    `    Protocol  : TLSv1.${version - 0x0301}`,
    `    Cipher    : ${SSL_CIPHER_get_name(SSL_SESSION_get0_cipher(session))}`,
    `    Session-ID: ${hex(SSL_SESSION_get_id(session)).toUpperCase()}`,
    ...(ticket.length > 0
      ? [
          `    TLS session ticket lifetime hint: ${SSL_SESSION_get_ticket_lifetime_hint(session)} (seconds)`,
          '    TLS session ticket:',
          dump(ticket, '    ').trimEnd(),
        ]
      : []),
    `    Start Time: ${SSL_SESSION_get_time(session)}`,
    `    Timeout   : ${SSL_SESSION_get_timeout(session)} (sec)`,
    `    ${verdictLine(result)}`,
    '',
  ].join('\n')
}

export const verdictLine = (result: number): string => `Verify return code: ${result} (${verdictText(result)})`

/** `-brief`, and what a server says of every connection. */
export const briefReport = (ssl: SSL, chain: readonly Certificate[]): string => {
  const alpn = SSL_get0_alpn_selected(ssl)
  const result = SSL_get_verify_result(ssl)
  const [leaf] = chain
  const name = SSL_get0_peername(ssl)
  const { peerScheme, group } = ssl.connection?.facts ?? {}
  return [
    `Protocol version: ${SSL_get_version(ssl)}`,
    `Ciphersuite: ${SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))}`,
    ...(leaf
      ? [
          `Peer certificate: ${oneLine(leaf.subject)}`,
          ...(peerScheme ? signatureLines(peerScheme, 'Hash used', 'Signature type') : []),
          result === 0 ? 'Verification: OK' : `Verification error: ${verdictText(result)}`,
          ...(name === null ? [] : [`Verified peername: ${name}`]),
        ]
      : ['No peer certificate']),
    ...(group ? [`Server Temp Key: ${group.openssl}, ${group.bits} bits`] : []),
    ...(alpn.length > 0 ? [`ALPN protocol: ${alpnText(alpn)}`] : []),
    ...(SSL_session_reused(ssl) === 1 ? ['Session reused'] : []),
    '',
  ].join('\n')
}

/** What s_server says of a connection. */
export const serverReport = (ssl: SSL): string => {
  const certificate = SSL_get_peer_certificate(ssl)?.certificate
  const alpn = SSL_get0_alpn_selected(ssl)
  const { group, serverName } = ssl.connection?.facts ?? {}
  return [
    ...(certificate
      ? [
          'Client certificate',
          pem(certificate),
          `subject=${oneLine(certificate.subject)}`,
          `issuer=${oneLine(certificate.issuer)}`,
        ]
      : []),
    ...(certificate ? [verdictLine(SSL_get_verify_result(ssl))] : []),
    `Protocol version: ${SSL_get_version(ssl)}`,
    `CIPHER is ${SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))}`,
    ...(group ? [`Server Temp Key: ${group.openssl}, ${group.bits} bits`] : []),
    ...(serverName === undefined ? [] : [`Server name: ${printable(serverName)}`]),
    ...(alpn.length > 0 ? [`ALPN protocols selected: ${alpnText(alpn)}`] : []),
    ...(SSL_session_reused(ssl) === 1 ? ['Reused session-id'] : []),
    '',
  ].join('\n')
}

const signatureLines = ({ algorithm, key }: Scheme, hash: string, type: string): string[] => {
  const names = { ecdsa: 'ECDSA', rsa_pkcs1: 'RSA', rsa_pss: 'RSA-PSS', eddsa: key === 'ed448' ? 'Ed448' : 'Ed25519' }
  return [
    ...(algorithm.kind === 'eddsa' ? [] : [`${hash}: ${algorithm.hash.toUpperCase()}`]),
    `${type}: ${names[algorithm.kind]}`,
  ]
}

/** What a verify callback is told, a line for each certificate and for each fault. */
export const verifyLines = (store: X509_STORE_CTX, ok: number): string => {
  const code = X509_STORE_CTX_get_error(store)
  const subject = X509_STORE_CTX_get_current_cert(store)?.certificate.subject
  const depth = `depth=${X509_STORE_CTX_get_error_depth(store)} ${subject ? oneLine(subject) : '<no certificate>'}\n`
  return `${depth}${ok === 1 ? '' : `verify error:num=${code}:${verdictText(code)}\n`}verify return:1\n`
}

/** The response itself is not judged here; its status is its first number (RFC 6960 section 4.2.1). */
export const ocspReport = (response: Uint8Array | null): string => {
  if (response === null) return 'OCSP response: no response sent\n'
  const status = ocspStatus(response)
  const said = status === undefined ? 'malformed' : `${OCSP_STATUSES[status] ?? 'unknown'} (0x${status.toString(16)})`
  return `OCSP response:\n    OCSP Response Status: ${said}\n${writePem('OCSP RESPONSE', response)}`
}

const ocspStatus = (response: Uint8Array): number | undefined => {
  try {
    return readDer(response, tags.sequence, 'the OCSP response', (inside) => {
      const [status] = inside.value(ENUMERATED)
      if (inside.more) inside.raw()
      return status
    })
  } catch {
    return undefined // a server may send anything
  }
}

const ENUMERATED = 0x0a
const OCSP_STATUSES: Readonly<Record<number, string>> = {
  0: 'successful',
  1: 'malformedrequest',
  2: 'internalerror',
  3: 'trylater',
  5: 'sigrequired',
  6: 'unauthorized',
}
