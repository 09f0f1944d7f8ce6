import { TlsError } from '../errors.ts'
import { type Codec, list, mapped, struct, text, u8 } from '../wire/codec.ts'
import { extension } from './extension.ts'

const HOST_NAME = 0

const hostName = text(1, 2 ** 16 - 1)
/** One name of any type; only host names are known (RFC 6066 section 3). */
const entry = struct('ServerName', { nameType: u8, name: hostName })

const names: Codec<string> = mapped(
  list(entry, 1, 2 ** 16 - 1),
  (entries) => {
    if (entries.length !== 1 || entries[0]?.nameType !== HOST_NAME) {
      throw new TlsError('decode_error', 'BAD_EXTENSION', 'server_name must hold one host name')
    }
    const { name } = entries[0]
    if (name.length > 255 || name.includes('\0')) {
      throw new TlsError(
        'unrecognized_name',
        'SSL3_EXT_INVALID_SERVERNAME',
        'a host name has at most 255 bytes and no zero byte',
      )
    }
    return name
  },
  (name) => [{ nameType: HOST_NAME, name }],
  'ServerNameList',
)
const empty: Codec<string> = { name: hostName.name, read: () => '', write: () => {} }

/** server_name (RFC 6066 section 3): a list with one name from the client, an empty extension back. */
export const serverName = extension({
  type: 0,
  in: { clientHello: names, encryptedExtensions: empty, serverHello12: empty },

  offer: ({ config }) => config.serverName,

  answer({ facts, config }, name) {
    facts.serverName = name
    // a session of TLS 1.2 keeps the name it was made with, and the answer is not repeated (RFC 6066 section 3)
    return facts.resumed || config.unknownName ? undefined : ''
  },
})
