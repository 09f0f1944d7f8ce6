import { noble } from '../../src/crypto/noble/index.ts'
import { node } from '../../src/crypto/node/index.ts'
import type { Provider } from '../../src/crypto/provider.ts'

/** Every provider that the vectors are held against. */
export const providers: readonly Provider[] = [node, noble]
