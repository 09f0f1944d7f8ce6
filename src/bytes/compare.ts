/** Whether two byte strings are the same, in a time that depends on their lengths only (as far as JavaScript allows). */
export const equal = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

/** The same for what is no secret: it stops at the first difference. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Overwrites a secret that is no longer needed. Copies that the runtime made are out of reach. */
export const wipe = (secret: Uint8Array): void => {
  secret.fill(0)
}

/** The parts in one array. Not for the path of records. */
export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const NONE: Uint8Array = new Uint8Array(0)
