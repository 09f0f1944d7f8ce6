/**
 * The ids of what was observed of OpenSSL 1.1.1w, by family. Ids that end with a version are about that version alone;
 * what was asked with many strings has the string beside the id. The tests that carry an id say what was observed.
 */
const FAMILIES: Readonly<Record<string, string>> = {
  'calling before, during and after a handshake':
    'A0 A1 A2 A5 A6 A7 A7b A8 A9 A10b A10c A14 A15 A15b A16 A17 A17.1.3 A17.1.2 A18 A18e',
  'transport conditions': 'B1.1.3 B1.1.2 B2 B2b B2c B3 B3b B4b B5b B6 B6b B7c B10 B11 B12 B12b B13b B14 B15 B15c B15d',
  'alerts and rejected handshakes':
    'C1b C1e C2 C2b C3 C3b C3c C3d C3e C3f C4 C5b C6 C7 C8 C9 C13 C15 C16 C17 C20 C21 C22 C23 C23b C24 C24b',
  'reading and writing':
    'D1b D1d D2c D3a D3b D3c D3e D3f D5.1.3 D5b D6 D6b D6c D6d D6e D7 D8 D8b D10 D11.1.3 D11b D12b D12c D12e',
  shutdown: 'E1b E1d E1f E1h E1i E1j E1k E1m E2 E2b E2c E3 E4 E5.1.2 E6c E7 E7b E7c E7d E8 E9',
  'broken records, reading before the handshake':
    'F1b F1c F1d F1e F1f F1h F1i F1.1.2 F2.1.3 F2.1.2 F3.1.2 F4.1.3 F5.1.3 F5.1.2 F6 F7 F8c.1.3 F8d F8e F8g',
  'after the handshake': 'G1b G1c G2 G2b G3 G3b G3c G3d G3f G3i G4b G5 G6d G7 G7c G9c G10d G10e G12 G12b G12c',
  'context defaults and setters': 'H1 H3b H3c H3d H3e H3f H6 H7 H8 H8c H8d H8h H8i H9 H10 H13',
  callbacks: 'I1.1.3 I1.1.2 I3.1.3 I3.1.2 I5 I5b I7 I8 I8b I8d I9.1.3 I9.1.2 I10 I10.1.3 I10.1.2 I11.1.3 I11.1.2',
  'sessions, ALPN': 'J1 J1.1.3 J1.1.2 J3 J4 J4b',
  'error queue': 'K1 K2 K5 K6 K7 K8',
  'memory BIO': 'M1 M1b M2 M2c M3b M3c M3d M4 M4c M5 M5b M5d M5e M6c M6d',
  'BIO pair': 'N1 N3 N3b N3c N3d N4 N4b N4c N5 N5b N6 N6d N6e N6f N7 N7d N8 N9 N9b N9d N10 N10c N10d N10g N11 N12 N13',
  'chains, buffer and null BIO': 'O1 O3 O5 O6 O6b O7 O7b O7c O8',
  BIO_f_ssl: 'S1 S1c S2b S2c S2d S3 S3b',
  'connect and accept BIOs': 'Q1 Q3b Q4 Q5 Q5b Q6 Q6b Q7 Q7c Q8',
  'socket BIO': 'U1 U3 U4 U6',
  'version holes and others': 'V1 V2 V3 V6 V7 V8.1.3 V8.1.2',
  'sessions, early data, PSK, ticket keys, verification':
    'X3 X3c X4 X4c X4d X4g X4h X5 X6 X6c X6d X6e X6f X6g X7 X8 X8.1.2 X9 X9b X10 X12 X13 X14 X15 X16 X17 X18 X19 X20 X20b X21.1.3 X21.1.2',
  'further checks': 'Y1b Y4 Y4b Y5 Y6',
}

const LISTS: Readonly<Record<string, readonly string[]>> = {
  H4: [
    'AES128-SHA',
    'BOGUS',
    'AES128-SHA:BOGUS',
    '',
    'ALL',
    'DEFAULT',
    '!ALL',
    'TLS_AES_128_GCM_SHA256',
    'HIGH:!aNULL:@STRENGTH',
    'DEFAULT:@SECLEVEL=9',
    '@SECLEVEL=2',
    'DEFAULT:@SECLEVEL=2',
    'AES128-SHA AES256-SHA',
    'AES128-SHA,AES256-SHA',
    'ECDHE+AESGCM',
    '-ALL:AES128-SHA',
    'kRSA+AES128+SHA256',
    'NULL',
    'eNULL',
    'COMPLEMENTOFDEFAULT',
    'PSK',
    'SUITEB128',
    'DEFAULT:!AES128',
    'DEFAULT:+RSA',
    '@BOGUS',
  ],
  H5: [
    'TLS_AES_128_GCM_SHA256',
    '',
    'BOGUS',
    'TLS_AES_128_GCM_SHA256:BOGUS',
    'AES128-SHA',
    'TLS_AES_128_CCM_8_SHA256:TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA256',
  ],
}

/** Every id, those asked with strings as `H4 'ALL'`. */
export const OBSERVED: readonly string[] = [
  ...Object.values(FAMILIES).flatMap((ids) => ids.split(' ')),
  ...Object.entries(LISTS).flatMap(([id, strings]) => strings.map((text) => `${id} '${text}'`)),
]

/** What no test shall carry yet, and the decision behind it. */
export const OUT_OF_SCOPE: Readonly<Record<string, string>> = {
  G6d: 'renegotiation comes later, and then opt-in; SSL_renegotiate is refused',
  G7c: 'renegotiation comes later, and then opt-in',
  V1: 'what a client with a hole negotiates here is TLS 1.1 or 1.0, which come later, opt-in',
}
