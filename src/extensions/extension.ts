import type { Config, Place, Version } from '../config.ts'
import type { Suite } from '../crypto/suites.ts'
import type { Facts } from '../facts.ts'
import type { Codec, Infer } from '../wire/codec.ts'

export type { Place }

// biome-ignore lint/suspicious/noExplicitAny: each place has a type of its own, which `At` gives back
export type Places = { readonly [P in Place]?: Codec<any> }
export type At<P extends Places, K extends Place> = P[K] extends Codec<infer T> ? T : never

/** What an extension that stands alone has to know to do its part. */
export interface Negotiation {
  readonly config: Config
  readonly facts: Facts
  /** The version and suite chosen; before the ServerHello, the highest version offered and none. */
  readonly version: Version
  readonly suite?: Suite
  /** What the record layer may be told. */
  readonly records: { limitWrite(bytes: number): void; limitRead(bytes: number): void }
}

/** Where it may stand and as what. And, if nothing else depends on it, what either side does with it. */
export interface Extension<P extends Places = Places> {
  readonly type: number
  readonly in: P
  /** Client: what to offer. */
  offer?(n: Negotiation): At<P, 'clientHello'> | undefined
  /** Server: what to answer, in EncryptedExtensions or the ServerHello of TLS 1.2. */
  answer?(
    n: Negotiation,
    offered: At<P, 'clientHello'>,
  ): At<P, 'encryptedExtensions'> | At<P, 'serverHello12'> | undefined
  /** Client: what the answer means. */
  confirm?(n: Negotiation, answer: At<P, 'encryptedExtensions'> | At<P, 'serverHello12'>): void
}

/** Says the types of one extension; adds nothing. */
export const extension = <const P extends Places>(told: Extension<P>): Extension<P> => told

export type PlacesOf<E> = E extends Extension<infer P> ? P : never
export type InferAt<E, K extends Place> = PlacesOf<E>[K] extends Codec<unknown> ? Infer<PlacesOf<E>[K]> : never
