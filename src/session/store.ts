import { NONE } from '../bytes/compare.ts'
import type { Maybe } from '../task.ts'

/**
 * Where servers keep what they share: sessions by name, keys of tickets, and what was taken once. Each call may answer
 * late and may fail; whoever asks then goes on as if there were nothing. Values are sealed before they come here.
 */
export interface SessionStore {
  get(key: string): Maybe<Uint8Array | undefined>
  /** Gets and removes at once: of several who ask, one gets it. */
  take(key: string): Maybe<Uint8Array | undefined>
  /** Keeps it for `ttl` milliseconds. */
  put(key: string, value: Uint8Array, ttl: number): Maybe<void>
}

/** Keeps early data from being taken twice. */
export interface ReplayGuard {
  /**
   * True for the first who asks with this mark within `ttl` ms; false for everybody else, and whenever it cannot be known:
   * the memory has just begun, was lost, is slow.
   */
  claim(mark: string, ttl: number): Maybe<boolean>
}

/** What a fleet shares. The ring of ticket keys is replaced whole, by one at a time. */
export interface FleetStore extends SessionStore, ReplayGuard {
  /** Takes a lock for `ttl` ms. The number is greater than every one before it; undefined: somebody has the lock. */
  lock(key: string, ttl: number): Maybe<number | undefined>
  /**
   * Writes a value whose first 8 bytes are its epoch. False, and nothing is written, unless the value that is there begins
   * with `before` (empty: there is none), and the lock is still held under that number.
   */
  swap(key: string, before: Uint8Array, value: Uint8Array, lock: { key: string; fence: number }): Maybe<boolean>
  /** Calls when somebody says that a value has changed. A call may be lost: look from time to time as well. */
  watch(key: string, changed: () => void): () => void
  /** Tells those who watch. */
  announce(key: string, epoch: number): Maybe<void>
}

/** The epoch of a value as it stands there; empty where there is no value. */
export const epochBytes = (value: Uint8Array | undefined): Uint8Array => value?.slice(0, 8) ?? NONE

/** How long a claim must be remembered: as long as the same early data could pass for fresh, whatever clocks say (ms). */
export const claimTime = (window: number, skew: number): number => 2 * window + 2 * skew
