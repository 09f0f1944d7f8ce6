import { createRequire, Module } from 'node:module'
import * as ours from '../../src/node/tls.ts'

let installed = false
let dialled = 0

/** How many connections were made by way of the alias. */
export const dialledByAlias = (): number => dialled

/**
 * Loads a package with our TLS in the place of `node:tls`, as a bundler's alias or a loader would: nothing of the package is
 * changed, and it does not know. From then on the alias holds for everything that `require` asks for, since some packages
 * ask when they connect; what was loaded before keeps what it has.
 */
export const withOurTls = <T>(name: string): T => {
  if (!installed) {
    installed = true
    const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown }
    const { _load: load } = loader
    const connect = (...args: unknown[]): ours.TLSSocket => {
      dialled++
      return ours.connect(...args)
    }
    const alias = { ...ours, connect, default: { ...ours.default, connect } }
    loader._load = (request, ...rest) =>
      request === 'tls' || request === 'node:tls' ? alias : load.call(loader, request, ...rest)
  }
  return createRequire(import.meta.url)(name) as T
}
