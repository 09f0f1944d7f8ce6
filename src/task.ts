import { Misuse } from './errors.ts'

/** An answer that is there, or on its way. */
export type Maybe<T> = T | Promise<T>

/** Whom we wait for. */
export type Errand = 'crypto' | 'privateKey' | 'verify' | 'certificate' | 'clientHello' | 'session'

/**
 * Why a machine stands still. Writing is never a reason: output only queues. `until`: by then (ms since 1970) the handshake
 * must be over; who drives turns it once more at that time, and it ends.
 */
export type Need =
  /** Bytes from the peer; `atLeast` of them before turning again can lead anywhere. */
  | { readonly kind: 'read'; readonly atLeast: number; readonly until?: number }
  /** The application has not taken its data. */
  | { readonly kind: 'take' }
  /** An answer. Without `on`, ask again at the next turn. */
  | { readonly kind: 'wait'; readonly errand: Errand; readonly on?: Promise<unknown>; readonly until?: number }
  /** Nothing more will come from the peer. */
  | { readonly kind: 'closed' }

/** Work that may stand still on its way to a T. */
// biome-ignore lint/suspicious/noExplicitAny: what a yield gives back depends on the need, which no type of TypeScript can say
export type Task<T> = Generator<Need, T, any>

/** A hook's answer that means: not yet, call me again at the next turn. */
export const RETRY: unique symbol = Symbol('ask again')
export type Retry = typeof RETRY

/** May answer now, later, or "ask me again". */
export type Hook<Q, A> = (question: Q) => Maybe<A> | Retry

export const isPromise = <T>(answer: Maybe<T>): answer is Promise<T> =>
  typeof answer === 'object' && answer !== null && typeof (answer as { then?: unknown }).then === 'function'

/** What `use` makes of the answer, at once if it is there already. */
export const after = <A, B>(answer: Maybe<A>, use: (value: A) => Maybe<B>): Maybe<B> =>
  isPromise(answer) ? answer.then(use) : use(answer)

/** The answer, at once if it is there already. The only place where a promise meets the protocol. */
export const wait = <T>(answer: Maybe<T>, errand: Errand = 'crypto'): Task<T> =>
  isPromise(answer) ? awaited(answer, errand) : new Settled(answer)

function* awaited<T>(on: Promise<T>, errand: Errand): Task<T> {
  return (yield { kind: 'wait', errand, on }) as T
}

/** A task that was over before it began: a generator that is made, entered and left would cost ten times as much. */
class Settled<T> implements Task<T> {
  readonly done = true
  readonly value: T

  constructor(value: T) {
    this.value = value
  }

  next(): IteratorReturnResult<T> {
    return this
  }

  return(value: T): IteratorReturnResult<T> {
    return { done: true, value }
  }

  throw(error: unknown): never {
    throw error
  }

  [Symbol.iterator](): this {
    return this
  }

  [Symbol.dispose](): void {}

  get [Symbol.toStringTag](): string {
    return 'Settled'
  }
}

/** Asks a hook, which may answer now, later, or "ask me again". */
export function* asked<T>(call: () => Maybe<T> | Retry, errand: Errand): Task<T> {
  for (;;) {
    const answer = call()
    if (answer !== RETRY) return yield* wait(answer, errand)
    yield { kind: 'wait', errand }
  }
}

const CLOSED: Need = { kind: 'closed' }

/** Goes on for a task that need not be woken for it. Undefined: it has to be. */
export interface Shortcut {
  ready(): Need | undefined
}

/** Turns one task for as long as it can go on. */
export class Machine {
  readonly #task: Task<unknown>
  #need: Need | undefined
  #answer: { value?: unknown; error?: unknown; failed: boolean } | undefined
  #turning = false
  #over = false

  constructor(task: Task<unknown>) {
    this.#task = task
  }

  get turning(): boolean {
    return this.#turning
  }

  /** Runs until the task stands still. Only a driver turns; a promise that settles merely leaves its answer here. */
  turn(shortcut?: Shortcut): Need {
    if (this.#turning) throw new Misuse('a callback may not turn its own connection; return from it first')
    const need = this.#need
    const answer = this.#answer
    if (this.#over) return CLOSED
    if (need?.kind === 'wait' && need.on && !answer) return need
    this.#turning = true
    try {
      const ready = shortcut?.ready()
      if (ready) return ready
      this.#answer = undefined
      const step = answer?.failed ? this.#task.throw(answer.error) : this.#task.next(answer?.value)
      this.#over = step.done ?? false
      const now: Need = step.done ? CLOSED : step.value
      this.#need = now
      if (now.kind === 'wait' && now.on) {
        now.on.then(
          (value) => {
            if (this.#need === now) this.#answer ??= { value, failed: false }
          },
          (error: unknown) => {
            if (this.#need === now) this.#answer ??= { error, failed: true }
          },
        )
      }
      return now
    } catch (error) {
      this.#over = true
      throw error
    } finally {
      this.#turning = false
    }
  }
}

/** Runs a task that asks nobody. Throws `Misuse` when an answer comes late: take `runAsync` then. */
export const runSync = <T>(task: Task<T>): T => {
  const step = task.next()
  if (!step.done) throw new Misuse('this needs an answer that comes later; call the asynchronous form')
  return step.value
}

/** Runs a task to its end, awaiting every answer. */
export const runAsync = async <T>(task: Task<T>): Promise<T> => finish(task, task.next())

/** Runs a task outside a connection: the result at once when every answer was there, a promise otherwise. */
export const run = <T>(task: Task<T>): Maybe<T> => {
  const step = task.next()
  return step.done ? step.value : finish(task, step)
}

const finish = async <T>(task: Task<T>, first: IteratorResult<Need, T>): Promise<T> => {
  let step = first
  while (!step.done) {
    const need = step.value
    if (need.kind !== 'wait') throw new Misuse(`a task outside a connection cannot wait for "${need.kind}"`)
    if (!need.on) throw new Misuse('a callback answered "ask me again" outside a connection; let it return a promise')
    let value: unknown
    let error: unknown
    let failed = false
    try {
      value = await need.on
    } catch (reason) {
      error = reason
      failed = true
    }
    step = failed ? task.throw(error) : task.next(value)
  }
  return step.value
}
