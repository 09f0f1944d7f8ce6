import { Misuse } from '../errors.ts'

/** What OpenSSL counts references to. An object ends with its last one; using it afterwards is refused. */
export interface Counted {
  /** For error texts: `SSL`. */
  readonly kind: string
  references: number
}

/** The object itself, while it has a reference. Throws `Misuse` afterwards. */
export const held = <T extends Counted>(object: T): T => {
  if (object.references > 0) return object
  throw new Misuse(`this ${object.kind} was freed; whoever uses it must hold a reference (${object.kind}_up_ref)`)
}

export const upRef = (object: Counted): 1 => {
  held(object).references++
  return 1
}

/** Gives one reference back. True when it was the last. */
export const release = (object: Counted | null): boolean => object !== null && --held(object).references === 0
