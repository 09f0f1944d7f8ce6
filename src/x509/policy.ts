import type { Certificate } from './certificate.ts'
import { knownOid } from './oids.ts'

/** What the user of a path asks of its policies (RFC 5280 section 6.1.1 (c), (e), (f), (g)). */
export interface PolicyInputs {
  /** Policies in dotted decimal of which one must hold when a policy is required; undefined: any will do. */
  readonly initial: readonly string[] | undefined
  /** Whether some policy must hold from the anchor to the leaf, even if no CA demands it. */
  readonly requireExplicit: boolean
  readonly inhibitMapping: boolean
  readonly inhibitAny: boolean
}

export interface PolicyFault {
  readonly depth: number
  readonly kind: 'missing' | 'malformed'
  /** One sentence's end: what is wrong with the certificate. */
  readonly problem: string
}

export interface PolicyOutcome {
  /** The user-constrained policy set, by the anchor's own numbers; `anyPolicy` alone: no limit. */
  readonly policies: readonly string[]
  readonly fault: PolicyFault | undefined
}

const ANY = knownOid('anyPolicy')

/** A policy that holds at one depth. `parents` are what it was called one depth above; none: it came of anyPolicy there. */
interface Node {
  readonly policy: string
  readonly parents: readonly Node[]
}

/** One depth of the graph. What RFC 5280 keeps as a tree has here one node for each policy (RFC 9618 section 5). */
interface Level {
  readonly nodes: Map<string, Node>
  /** Whether anyPolicy still stands beside the nodes. */
  readonly any: boolean
  /** Which nodes the next certificate continues under which name. */
  readonly expected: Map<string, Node[]>
}

/** How much work `processPolicies` is at most: nodes and edges grow with what the certificates themselves list. */
export const policyWork = (chain: readonly Certificate[]): number =>
  chain.length *
  chain.reduce(
    (sum, { known }) => sum + (known.certificatePolicies?.length ?? 0) + (known.policyMappings?.length ?? 0),
    0,
  )

/**
 * The policies of a path (RFC 5280 sections 6.1.2 to 6.1.5 as RFC 9618 mends them: a graph whose size is bounded by the
 * certificates instead of a tree that grows exponentially). `chain` is leaf first; with `anchored` its last certificate
 * is the anchor, whose own policy extensions are inputs like the user's (RFC 5937 section 3).
 */
export const processPolicies = (
  chain: readonly Certificate[],
  anchored: boolean,
  inputs: PolicyInputs,
): PolicyOutcome => {
  const first = chain.length - (anchored ? 2 : 1)
  const state: State = {
    level: { nodes: new Map(), any: true, expected: new Map() },
    explicit: inputs.requireExplicit ? 0 : first + 2,
    mapping: inputs.inhibitMapping ? 0 : first + 2,
    any: inputs.inhibitAny ? 0 : first + 2,
  }
  let initial = inputs.initial?.includes(ANY) ? undefined : inputs.initial
  const anchor = anchored ? chain[chain.length - 1] : undefined
  if (anchor) {
    tighten(state, anchor)
    const own = anchor.known.certificatePolicies?.map(({ oid }) => oid)
    if (own && !own.includes(ANY)) initial = initial?.filter((oid) => own.includes(oid)) ?? own
  }
  for (let depth = first; depth >= 0; depth--) {
    const certificate = chain[depth] as Certificate
    continueWith(state, certificate, depth > 0)
    if (depth === 0) break
    if (certificate.known.policyMappings?.some(({ issuer, subject }) => issuer === ANY || subject === ANY)) {
      const problem = 'maps policies from or to anyPolicy, which has no meaning'
      return { policies: [], fault: { depth, kind: 'malformed', problem } }
    }
    mapAll(state, certificate)
    if (!certificate.selfIssued) {
      state.explicit = Math.max(0, state.explicit - 1)
      state.mapping = Math.max(0, state.mapping - 1)
      state.any = Math.max(0, state.any - 1)
    }
    tighten(state, certificate)
  }
  if (first >= 0) {
    state.explicit = Math.max(0, state.explicit - 1)
    if (chain[0]?.known.policyConstraints?.requireExplicitPolicy === 0) state.explicit = 0
  }
  const policies = constrained(state.level, initial)
  if (state.explicit > 0 || policies.length > 0) return { policies, fault: undefined }
  const wanted = initial ? `one of ${initial.join(', ') || 'none at all'}` : 'any policy'
  const problem = `must be issued under a policy that holds from the anchor down (${wanted}), and there is none`
  return { policies, fault: { depth: 0, kind: 'missing', problem } }
}

interface State {
  /** Undefined is the NULL graph: no policy is left. */
  level: Level | undefined
  /** Certificates until a policy is required, mapping is forbidden, anyPolicy is forbidden. */
  explicit: number
  mapping: number
  any: number
}

/** RFC 5280 section 6.1.3 (d) and (e). */
const continueWith = (state: State, certificate: Certificate, more: boolean): void => {
  const { level } = state
  const own = certificate.known.certificatePolicies
  state.level = undefined
  if (!level || !own) return
  const nodes = new Map<string, Node>()
  for (const { oid } of own) {
    if (oid === ANY) continue
    const parents = level.expected.get(oid)
    if (parents) nodes.set(oid, { policy: oid, parents })
    else if (level.any) nodes.set(oid, { policy: oid, parents: [] })
  }
  let any = false
  if (own.some(({ oid }) => oid === ANY) && (state.any > 0 || (more && certificate.selfIssued))) {
    any = level.any
    for (const [policy, parents] of level.expected) if (!nodes.has(policy)) nodes.set(policy, { policy, parents })
  }
  if (nodes.size > 0 || any) state.level = { nodes, any, expected: new Map() }
}

/** RFC 5280 section 6.1.4 (b): under which names the next certificate goes on. */
const mapAll = (state: State, { known }: Certificate): void => {
  const { level } = state
  if (!level) return
  const { nodes, any, expected } = level
  const targets = new Map<string, Set<string>>()
  for (const { issuer, subject } of known.policyMappings ?? []) {
    if (state.mapping === 0) {
      nodes.delete(issuer)
      continue
    }
    if (!nodes.has(issuer)) {
      if (!any) continue
      nodes.set(issuer, { policy: issuer, parents: [] })
    }
    targets.set(issuer, (targets.get(issuer) ?? new Set()).add(subject))
  }
  for (const node of nodes.values()) {
    for (const name of targets.get(node.policy) ?? [node.policy]) {
      const some = expected.get(name)
      if (some) some.push(node)
      else expected.set(name, [node])
    }
  }
  if (nodes.size === 0 && !any) state.level = undefined
}

/** RFC 5280 section 6.1.4 (i) and (j). */
const tighten = (state: State, { known }: Certificate): void => {
  const { requireExplicitPolicy, inhibitPolicyMapping } = known.policyConstraints ?? {}
  state.explicit = Math.min(state.explicit, requireExplicitPolicy ?? state.explicit)
  state.mapping = Math.min(state.mapping, inhibitPolicyMapping ?? state.mapping)
  state.any = Math.min(state.any, known.inhibitAnyPolicy ?? state.any)
}

/** RFC 5280 section 6.1.5 (g): what the anchor calls the policies that reach the leaf, as far as the user wants them. */
const constrained = (level: Level | undefined, initial: readonly string[] | undefined): readonly string[] => {
  if (!level) return []
  const policies = new Set<string>()
  const seen = new Set<Node>(level.nodes.values())
  for (const node of seen) {
    if (node.parents.length === 0) policies.add(node.policy)
    for (const parent of node.parents) seen.add(parent)
  }
  if (level.any) return initial ?? [ANY]
  return initial ? initial.filter((policy) => policies.has(policy)) : [...policies]
}
