/** An object identifier that has a name here. */
interface Row {
  readonly oid: string
  readonly name: string
  /** How OpenSSL prints an attribute type of names, where that differs. */
  readonly short?: string
}

const row = (oid: string, name: string, short?: string): Row => ({ oid, name, ...(short && { short }) })

/** Attribute types of distinguished names (RFC 4519, RFC 5280 appendix A.1, CA/Browser Forum EV guidelines). */
const attributes: readonly Row[] = [
  row('2.5.4.3', 'commonName', 'CN'),
  row('2.5.4.4', 'surname', 'SN'),
  row('2.5.4.5', 'serialNumber'),
  row('2.5.4.6', 'countryName', 'C'),
  row('2.5.4.7', 'localityName', 'L'),
  row('2.5.4.8', 'stateOrProvinceName', 'ST'),
  row('2.5.4.9', 'streetAddress', 'street'),
  row('2.5.4.10', 'organizationName', 'O'),
  row('2.5.4.11', 'organizationalUnitName', 'OU'),
  row('2.5.4.12', 'title'),
  row('2.5.4.13', 'description'),
  row('2.5.4.15', 'businessCategory'),
  row('2.5.4.17', 'postalCode'),
  row('2.5.4.41', 'name'),
  row('2.5.4.42', 'givenName', 'GN'),
  row('2.5.4.43', 'initials'),
  row('2.5.4.44', 'generationQualifier'),
  row('2.5.4.46', 'dnQualifier'),
  row('2.5.4.65', 'pseudonym'),
  row('2.5.4.97', 'organizationIdentifier'),
  row('1.2.840.113549.1.9.1', 'emailAddress'),
  row('0.9.2342.19200300.100.1.25', 'domainComponent', 'DC'),
  row('0.9.2342.19200300.100.1.1', 'userId', 'UID'),
  row('1.3.6.1.4.1.311.60.2.1.1', 'jurisdictionLocalityName', 'jurisdictionL'),
  row('1.3.6.1.4.1.311.60.2.1.2', 'jurisdictionStateOrProvinceName', 'jurisdictionST'),
  row('1.3.6.1.4.1.311.60.2.1.3', 'jurisdictionCountryName', 'jurisdictionC'),
  row('0.9.2342.19200300.100.1.3', 'rfc822Mailbox', 'mail'),
  row('1.2.840.113549.1.9.2', 'unstructuredName'),
  row('1.2.840.113549.1.9.8', 'unstructuredAddress'),
  row('2.5.4.14', 'searchGuide'),
  row('2.5.4.16', 'postalAddress'),
  row('2.5.4.18', 'postOfficeBox'),
  row('2.5.4.19', 'physicalDeliveryOfficeName'),
  row('2.5.4.20', 'telephoneNumber'),
  row('2.5.4.21', 'telexNumber'),
  row('2.5.4.22', 'teletexTerminalIdentifier'),
  row('2.5.4.23', 'facsimileTelephoneNumber'),
  row('2.5.4.24', 'x121Address'),
  row('2.5.4.25', 'internationaliSDNNumber'),
  row('2.5.4.26', 'registeredAddress'),
  row('2.5.4.27', 'destinationIndicator'),
  row('2.5.4.28', 'preferredDeliveryMethod'),
  row('2.5.4.29', 'presentationAddress'),
  row('2.5.4.30', 'supportedApplicationContext'),
  row('2.5.4.31', 'member'),
  row('2.5.4.32', 'owner'),
  row('2.5.4.33', 'roleOccupant'),
  row('2.5.4.34', 'seeAlso'),
  row('1.2.643.100.1', 'OGRN'),
  row('1.2.643.100.3', 'SNILS'),
  row('1.2.643.100.5', 'OGRNIP'),
  row('1.2.643.3.131.1.1', 'INN'),
  row('2.5.4.35', 'userPassword'),
  row('2.5.4.36', 'userCertificate'),
  row('2.5.4.37', 'cACertificate'),
  row('2.5.4.38', 'authorityRevocationList'),
  row('2.5.4.39', 'certificateRevocationList'),
  row('2.5.4.40', 'crossCertificatePair'),
  row('2.5.4.45', 'x500UniqueIdentifier'),
  row('2.5.4.47', 'enhancedSearchGuide'),
  row('2.5.4.48', 'protocolInformation'),
  row('2.5.4.49', 'distinguishedName'),
  row('2.5.4.50', 'uniqueMember'),
  row('2.5.4.51', 'houseIdentifier'),
  row('2.5.4.52', 'supportedAlgorithms'),
  row('2.5.4.53', 'deltaRevocationList'),
  row('2.5.4.54', 'dmdName'),
  row('2.5.4.72', 'role'),
  row('2.5.4.98', 'countryCode3c', 'c3'),
  row('2.5.4.99', 'countryCode3n', 'n3'),
  row('2.5.4.100', 'dnsName'),
]

/** Certificate extensions (RFC 5280 section 4.2, RFC 7633, RFC 6962). */
const extensions: readonly Row[] = [
  row('2.5.29.9', 'subjectDirectoryAttributes'),
  row('2.5.29.14', 'subjectKeyIdentifier'),
  row('2.5.29.15', 'keyUsage'),
  row('2.5.29.17', 'subjectAltName'),
  row('2.5.29.18', 'issuerAltName'),
  row('2.5.29.19', 'basicConstraints'),
  row('2.5.29.20', 'cRLNumber'),
  row('2.5.29.21', 'cRLReason'),
  row('2.5.29.24', 'invalidityDate'),
  row('2.5.29.27', 'deltaCRLIndicator'),
  row('2.5.29.28', 'issuingDistributionPoint'),
  row('2.5.29.29', 'certificateIssuer'),
  row('2.5.29.30', 'nameConstraints'),
  row('2.5.29.31', 'cRLDistributionPoints'),
  row('2.5.29.32', 'certificatePolicies'),
  row('2.5.29.33', 'policyMappings'),
  row('2.5.29.35', 'authorityKeyIdentifier'),
  row('2.5.29.36', 'policyConstraints'),
  row('2.5.29.37', 'extKeyUsage'),
  row('2.5.29.46', 'freshestCRL'),
  row('2.5.29.54', 'inhibitAnyPolicy'),
  row('1.3.6.1.5.5.7.1.1', 'authorityInfoAccess'),
  row('1.3.6.1.5.5.7.1.11', 'subjectInfoAccess'),
  row('1.3.6.1.5.5.7.1.24', 'tlsFeature'),
  row('1.3.6.1.4.1.11129.2.4.2', 'sctList'),
  row('1.3.6.1.4.1.11129.2.4.3', 'ctPoison'),
  row('1.3.6.1.4.1.11129.2.4.5', 'ocspSctList'),
]

/** Purposes of extended key usage (RFC 5280 section 4.2.1.12). */
const purposes: readonly Row[] = [
  row('2.5.29.37.0', 'anyExtendedKeyUsage'),
  row('1.3.6.1.5.5.7.3.1', 'serverAuth'),
  row('1.3.6.1.5.5.7.3.2', 'clientAuth'),
  row('1.3.6.1.5.5.7.3.3', 'codeSigning'),
  row('1.3.6.1.5.5.7.3.4', 'emailProtection'),
  row('1.3.6.1.5.5.7.3.8', 'timeStamping'),
  row('1.3.6.1.5.5.7.3.9', 'ocspSigning'),
]

/** Keys, signatures, hashes, ciphers and key derivation (RFC 3279, 4055, 5480, 5758, 7292, 8410, 8018). */
const algorithms: readonly Row[] = [
  row('1.2.840.113549.1.1.1', 'rsaEncryption'),
  row('1.2.840.113549.1.1.2', 'md2WithRSAEncryption'),
  row('1.2.840.113549.1.1.4', 'md5WithRSAEncryption'),
  row('1.2.840.113549.1.1.5', 'sha1WithRSAEncryption'),
  row('1.2.840.113549.1.1.8', 'mgf1'),
  row('1.2.840.113549.1.1.10', 'rsassaPss'),
  row('1.2.840.113549.1.1.11', 'sha256WithRSAEncryption'),
  row('1.2.840.113549.1.1.12', 'sha384WithRSAEncryption'),
  row('1.2.840.113549.1.1.13', 'sha512WithRSAEncryption'),
  row('1.2.840.113549.1.1.14', 'sha224WithRSAEncryption'),
  row('1.2.840.10045.2.1', 'ecPublicKey'),
  row('1.2.840.10045.3.1.7', 'P-256'),
  row('1.3.132.0.34', 'P-384'),
  row('1.3.132.0.35', 'P-521'),
  row('1.3.132.0.33', 'P-224'),
  row('1.3.132.0.10', 'secp256k1'),
  row('1.3.36.3.3.2.8.1.1.7', 'brainpoolP256r1'),
  row('1.3.36.3.3.2.8.1.1.11', 'brainpoolP384r1'),
  row('1.3.36.3.3.2.8.1.1.13', 'brainpoolP512r1'),
  row('1.2.840.10045.4.1', 'ecdsaWithSHA1'),
  row('1.2.840.10045.4.3.1', 'ecdsaWithSHA224'),
  row('1.2.840.10045.4.3.2', 'ecdsaWithSHA256'),
  row('1.2.840.10045.4.3.3', 'ecdsaWithSHA384'),
  row('1.2.840.10045.4.3.4', 'ecdsaWithSHA512'),
  row('1.2.840.10040.4.1', 'dsa'),
  row('1.2.840.10040.4.3', 'dsaWithSHA1'),
  row('2.16.840.1.101.3.4.3.2', 'dsaWithSHA256'),
  row('1.3.101.110', 'x25519'),
  row('1.3.101.111', 'x448'),
  row('1.3.101.112', 'ed25519'),
  row('1.3.101.113', 'ed448'),
  row('1.3.14.3.2.26', 'sha1'),
  row('2.16.840.1.101.3.4.2.1', 'sha256'),
  row('2.16.840.1.101.3.4.2.2', 'sha384'),
  row('2.16.840.1.101.3.4.2.3', 'sha512'),
  row('2.16.840.1.101.3.4.2.4', 'sha224'),
  row('1.2.840.113549.1.5.12', 'pbkdf2'),
  row('1.3.6.1.4.1.11591.4.11', 'scrypt'),
  row('1.2.840.113549.1.5.13', 'pbes2'),
  row('1.2.840.113549.2.7', 'hmacWithSHA1'),
  row('1.2.840.113549.2.9', 'hmacWithSHA256'),
  row('1.2.840.113549.2.10', 'hmacWithSHA384'),
  row('1.2.840.113549.2.11', 'hmacWithSHA512'),
  row('2.16.840.1.101.3.4.1.2', 'aes128Cbc'),
  row('2.16.840.1.101.3.4.1.22', 'aes192Cbc'),
  row('2.16.840.1.101.3.4.1.42', 'aes256Cbc'),
  row('1.2.840.113549.3.7', 'desEde3Cbc'),
  row('1.2.840.113549.1.5.14', 'pbmac1'),
  row('1.2.840.113549.1.5.3', 'pbeWithMD5AndDES'),
  row('1.2.840.113549.1.5.10', 'pbeWithSHA1AndDES'),
  row('1.2.840.113549.1.12.1.1', 'pbeWithSHA1And128BitRC4'),
  row('1.2.840.113549.1.12.1.2', 'pbeWithSHA1And40BitRC4'),
  row('1.2.840.113549.1.12.1.3', 'pbeWithSHA1And3KeyTripleDES'),
  row('1.2.840.113549.1.12.1.4', 'pbeWithSHA1And2KeyTripleDES'),
  row('1.2.840.113549.1.12.1.5', 'pbeWithSHA1And128BitRC2'),
  row('1.2.840.113549.1.12.1.6', 'pbeWithSHA1And40BitRC2'),
]

/** What else is named in certificates and requests (RFC 5280 sections 4.2.1.4 and 4.2.2.1, RFC 2985). */
const others: readonly Row[] = [
  row('2.5.29.32.0', 'anyPolicy'),
  row('1.3.6.1.5.5.7.2.1', 'cps'),
  row('1.3.6.1.5.5.7.2.2', 'userNotice'),
  row('1.3.6.1.5.5.7.48.1', 'ocsp'),
  row('1.3.6.1.5.5.7.48.2', 'caIssuers'),
  row('1.3.6.1.5.5.7.48.1.1', 'ocspBasic'),
  row('1.3.6.1.5.5.7.48.1.2', 'ocspNonce'),
  row('1.3.6.1.5.5.7.48.1.5', 'ocspNoCheck'),
  row('1.2.840.113549.1.9.14', 'extensionRequest'),
]

const rows: readonly Row[] = [...attributes, ...extensions, ...purposes, ...algorithms, ...others]
const byOid = new Map(rows.map((entry) => [entry.oid, entry]))
const byName = new Map(rows.flatMap((entry) => [[entry.name.toLowerCase(), entry.oid] as const]))
for (const { short, oid } of attributes) if (short) byName.set(short.toLowerCase(), oid)

/** The name of an object identifier, itself when it has none here. */
export const oidName = (oid: string): string => byOid.get(oid)?.name ?? oid

/** How OpenSSL abbreviates an attribute type: `CN`; undefined for types without a name. */
export const attributeName = (oid: string): string | undefined => {
  const found = byOid.get(oid)
  return found && (found.short ?? found.name)
}

/** The object identifier of a name, in any case (`CN`, `commonName`, `serverAuth`), or of itself; undefined when unknown. */
export const oidOf = (name: string): string | undefined =>
  /^[0-2](?:\.\d+)+$/.test(name) ? name : byName.get(name.toLowerCase())

/** For names written in this project's own tables. */
export const knownOid = (name: string): string => {
  const oid = byName.get(name.toLowerCase())
  if (oid === undefined) throw new Error(`no object identifier is called "${name}"`)
  return oid
}
