/**
 * Cases that are not run, by glob, each with the reason in a line. What comes later has rows of its own, so that they can
 * go when it is there. A case that would be refused for a flag stands here too where its name says what it is about: the
 * count of "unimplemented" is then what is left to look at.
 */
const NO_TLS10 = 'TLS 1.0 is refused'
const NO_TLS11 = 'TLS 1.1 is refused'
const SSL2 = 'hellos of SSL 2 are refused'
const RPK = 'raw public keys (RFC 7250)'
const NO_REQUEST = 'a server that can check no scheme of TLS 1.3 does not ask for certificates there'
const DUPLICATE = 'which fault of several is named: an extension that nobody asked for, or that it stands twice'
const STRAY = 'a HelloRequest is ignored in a handshake (RFC 5246 section 7.4.1.1)'
const NPN = 'next protocol negotiation, replaced by ALPN'
const LEGACY = 'rsa_pkcs1_sha256_legacy, which old smart cards sign with in TLS 1.3'
const STATIC_RSA = "static RSA keeps to the client's schemes too (RFC 5246 section 7.4.2)"
const NO_CHANGE = 'no ChangeCipherSpec for clients that did not ask for it (RFC 9846 appendix E.4)'
const FINISHED = 'a Finished of the wrong length is decode_error, as with OpenSSL'

export const disabled: Readonly<Record<string, string>> = {
  // protocols that there are not yet
  'DTLS*': 'DTLS',
  '*-DTLS*': 'DTLS',
  'QUIC*': 'QUIC',
  '*-QUIC*': 'QUIC',
  'SRTP-*': 'SRTP is for DTLS',

  // versions that there will not be
  '[^G]*-TLS1': NO_TLS10,
  'VersionNegotiation-*-TLS1-TLS': NO_TLS10,
  'MinimumVersion-*-TLS1-TLS1-TLS': NO_TLS10,
  'VersionNegotiationExtension-TLS1-TLS': NO_TLS10,
  '*-TLS1-TLS-*': NO_TLS10,
  '*-TLS1-[^T]*': NO_TLS10,
  'Resume-*-TLS1-*': NO_TLS10,
  'TLS1-*': NO_TLS10,
  '[^G]*-TLS11': NO_TLS11,
  'VersionNegotiation-*-TLS11-TLS': NO_TLS11,
  'MinimumVersion-*-TLS1-TLS11-TLS': NO_TLS11,
  'VersionNegotiationExtension-TLS11-TLS': NO_TLS11,
  'MinimumVersion-*-TLS11-TLS11-TLS': NO_TLS11,
  '*-TLS11-TLS-*': NO_TLS11,
  '*-TLS11-[^T]*': NO_TLS11,
  'Resume-*-TLS11-*': NO_TLS11,
  'TLS11-*': NO_TLS11,
  'RSAKeyUsage-*TLS1': NO_TLS10,
  'RSAKeyUsage-*TLS11': NO_TLS11,
  ConflictingVersionNegotiation: NO_TLS11,
  'BadRSAClientKeyExchange-*': 'made with TLS 1.1',
  '*V2ClientHello*': SSL2,

  // extensions and ways to authenticate that there are not yet
  '*ECH*': 'ECH',
  '*PAKE*': 'SPAKE2+ (a draft)',
  'PSK-*': 'imported pre-shared keys (RFC 9258)',
  '*DelegatedCredential*': 'delegated credentials (RFC 9345)',
  '*TrustAnchor*': 'trust anchor identifiers (a draft)',
  '*CertCompression*': 'certificate compression (RFC 8879)',
  '*CertificateType-*': RPK,
  '*RawPublicKey*': RPK,
  '*ML-DSA*': 'signatures by ML-DSA',
  'PostQuantum*': 'key exchange by ML-KEM is for those who name it',
  'TLS13-Client-*TicketFlags': 'flags of tickets (RFC 9149)',

  // what only the reference has, or old drafts
  '*NPN*': NPN,
  '*NextProtocol*': NPN,
  '*ChannelID*': 'channel id, a draft that was given up',
  'ALPS-*': 'application settings, a draft',
  'Compliance-*': 'policies that are named after papers of agencies',
  'ServerPadding*': 'padding of the server, a draft',
  'TLS-HintMismatch-*': 'hints, by which the reference divides a handshake between two processes',
  'Server-JDK11-[0-9]*': 'a way around a fault of JDK 11',
  'Server-JDK11-TLS12-*': 'a way around a fault of JDK 11',
  'Client-RejectJDK11DowngradeRandom': 'a way around a fault of JDK 11',
  'FalseStart-TLS-*': NPN,
  'FalseStart-SessionTicketsDisabled-*': NPN,
  '*3DES*': 'triple DES',
  'RetainOnlySHA256-*': 'sessions that keep a hash of the certificate',
  'ALPNClient-AllowUnknown-*': 'a protocol that was not offered is always refused (RFC 7301 section 3.2)',

  // renegotiation
  StrayHelloRequest: STRAY,
  'StrayHelloRequest-Packed': STRAY,

  // where RFCs leave a choice, or say otherwise than the reference does
  'Server-Verify-RSA_PKCS1_*-TLS13': NO_REQUEST,
  'Server-Verify-ECDSA_SHA1-TLS13': NO_REQUEST,
  'DuplicateExtension*': DUPLICATE,
  'TrailingMessageData-*Finished-*': FINISHED,
  'GarbageCertificate-*': 'a certificate that cannot be read is bad_certificate (RFC 9846 section 6.2)',
  'SendWarningAlerts-TLS13': 'an alert is an alert, whatever its level (RFC 9846 section 6)',
  'TLS13-HRR-InvalidCompressionMethod': 'a compression method is illegal_parameter (RFC 9846 section 4.1.3)',
  'EncryptedExtensionsWithKeyShare-TLS13':
    'a known extension in a wrong place is illegal_parameter (RFC 9846 section 4.2)',
  UnencryptedEncryptedExtensions: 'a record in the clear is unexpected_message (RFC 9846 section 5)',
  'SkipEarlyData-SecondClientHelloEarlyData-TLS13': 'early_data in a second hello is refused by its name',
  'SkipEarlyData-HRR-Interleaved-TLS13': 'a record that does not open is bad_record_mac, whatever it may have been',
  'EmptySessionID-TLS13': NO_CHANGE,
  'Server-JDK11-NoWorkaround-3': NO_CHANGE,
  'Client-Sign*-RSA_PKCS1_SHA256_LEGACY-TLS13': LEGACY,
  'Server-InvalidSignature-RSA_PKCS1_SHA256_LEGACY-TLS13': LEGACY,
  'NoCommonSignatureAlgorithms-TLS12-Fallback': STATIC_RSA,
  'CertificateSelection-Server-SignatureAlgorithmImpactsECDHEOnly-*': STATIC_RSA,
  'Server-TLS13-NoVerify-RSA_PKCS1_MD5_SHA1': NO_REQUEST,
  NoSupportedCurves: 'a client that names no curves takes any (RFC 8422 section 4)',
  'Resume-Server-CipherNotPreferred': 'a session is resumed with its suite, if the client still offers that',
  'Resume-Server-UnofferedCipher-TLS13':
    'a session is resumed by another suite with its hash (RFC 9846 section 4.2.11)',
  'Resume-Server-OmitAllPSKsOnSecondClientHello': 'a second hello may drop keys (RFC 9846 section 4.1.2)',
  'SendHelloRetryRequest-2-TLS13': 'a share that is there saves a round trip',
  'Agree-Digest-SHA256': "the order of schemes is the client's, unless the server's is to decide",
  'CertificateCipherMismatch-Ed25519':
    'the kind of a certificate is judged with its chain, after the message behind it',
  'KeyUpdate-Requested*': 'each wish for a key update is answered when it comes',
}
