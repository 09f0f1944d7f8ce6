/**
 * What `call` gives, while no error walks the stack. The runtime finds out what a key is by calls that fail, and the errors
 * that it makes and drops on the way cost more than importing the key. What is thrown for good is wrapped by who catches it.
 */
export const untraced = <T>(call: () => T): T => {
  const { stackTraceLimit } = Error
  // not everywhere there is such a thing, and it may be frozen
  if (typeof stackTraceLimit !== 'number' || !Reflect.set(Error, 'stackTraceLimit', 0)) return call()
  try {
    return call()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
