// Loads TypeScript and counts, in what stands under src/, which ways are gone: node --import ./instrument.mjs FILE.ts
import { register } from 'node:module'

/** One counter for each function, branch and loop. Their numbers are given by the loader, in the order of loading. */
globalThis.__ways = new Uint8Array(1 << 16)
register('./loader.mjs', import.meta.url)
