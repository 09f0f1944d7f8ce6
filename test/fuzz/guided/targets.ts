import { dataTargets } from './data.ts'
import { liveTargets } from './live.ts'
import type { Target } from './target.ts'

/** Everything that reads what a stranger has sent, or stored. */
export const targets: readonly Target[] = [...liveTargets, ...dataTargets]
