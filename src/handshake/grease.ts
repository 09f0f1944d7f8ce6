import type { Provider } from '../crypto/provider.ts'
import type { Unknown } from '../extensions/registry.ts'
import type { ClientHello } from '../messages/hello.ts'

// Values that mean nothing, sent so that peers do not forget how to pass over what they do not know (RFC 8701).

/** Two different ones of the sixteen. */
const draw = (provider: Provider): readonly [number, number] => {
  const [a = 0, b = 0] = provider.random(2)
  const first = a & 15
  return [greaseValue(first), greaseValue((first + 1 + (b % 15)) & 15)]
}
const greaseValue = (high: number): number => 0x0a0a + high * 0x1010

/** The hello with such values among its suites, groups, versions, schemes, key shares and extensions. */
export const greased = (provider: Provider, hello: ClientHello): ClientHello => {
  const [one, other] = draw(provider)
  const { supportedGroups, signatureAlgorithms, supportedVersions, keyShare, unknown = [], ...rest } = hello.extensions
  const empty: Unknown = { type: one, data: new Uint8Array(0), at: 0 }
  return {
    ...hello,
    cipherSuites: [one, ...hello.cipherSuites],
    extensions: {
      ...rest,
      ...(supportedGroups && { supportedGroups: [one, ...supportedGroups] }),
      ...(signatureAlgorithms && { signatureAlgorithms: [...signatureAlgorithms, one] }),
      ...(supportedVersions && { supportedVersions: [one, ...supportedVersions] }),
      ...(keyShare && { keyShare: [{ group: one, keyExchange: new Uint8Array(1) }, ...keyShare] }),
      unknown: [empty, ...unknown, { type: other, data: new Uint8Array(1) }],
    },
  }
}

/** An extension of a ticket or a request. */
export const greaseExtension = (provider: Provider): { readonly unknown: readonly Unknown[] } => ({
  unknown: [{ type: draw(provider)[0], data: new Uint8Array(0) }],
})
