import { illegal } from '../errors.ts'
import { list, text } from '../wire/codec.ts'
import { extension } from './extension.ts'

const protocols = list(text(1, 255), 2, 2 ** 16 - 1)

/** application_layer_protocol_negotiation (RFC 7301). The server's choice may take its time: `choose` makes it. */
export const alpn = extension({
  type: 16,
  in: { clientHello: protocols, encryptedExtensions: protocols, serverHello12: protocols },

  offer: ({ config }) => (config.alpn?.length ? config.alpn : undefined),

  answer: ({ facts }) => (facts.alpn === undefined ? undefined : [facts.alpn]),

  confirm({ config, facts }, [chosen, ...others]) {
    if (chosen === undefined || others.length > 0 || !config.alpn?.includes(chosen)) {
      throw illegal(
        'BAD_EXTENSION',
        `the server chose the protocols [${[chosen, ...others]}], one of [${config.alpn}] was due`,
      )
    }
    facts.alpn = chosen
  },
})
