import type { Writable } from 'node:stream'
import type { LogLevel } from './proxy-settings.ts'

/** One line of JSON for everything that happens. No secret and no application data is ever in one. */
export type Log = (level: LogLevel, event: string, more?: Readonly<Record<string, unknown>>) => void

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

/** A log to this stream, of this level and what is graver. */
export const logTo = (stream: Writable, level: LogLevel, now: () => number = Date.now): Log => {
  const most = LEVELS.indexOf(level)
  return (grade, event, more = {}) => {
    if (LEVELS.indexOf(grade) > most || stream.destroyed) return
    const line = { time: new Date(now()).toISOString(), level: grade, event, pid: process.pid, ...more }
    stream.write(`${JSON.stringify(line)}\n`)
  }
}
