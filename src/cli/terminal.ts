import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

export { printable } from '../bytes/text.ts'

/** What a command has of the world around it; tests give it another one. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether stdout shows colours. */
  readonly colors: boolean
  /** Aborted when somebody wants the command to end (SIGINT, SIGTERM); a command that does not ask is ended at once. */
  readonly interrupted: () => AbortSignal
}

/** Writes, and waits while the reader at the other end of a pipe is slower than we are. */
export const put = (to: Writable, what: string | Uint8Array): Promise<void> => {
  if (to.destroyed || to.write(what) || !to.writableNeedDrain) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done)
      to.off('close', done)
      resolve()
    }
    to.once('drain', done)
    to.once('close', done)
  })
}

export type Paint = (style: Style, text: string) => string
type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta'

/** Paints, or leaves text as it is where there are no colours. */
export const painter = (colors: boolean): Paint =>
  colors ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text

/** Whether this stream shows colours: a terminal, and neither NO_COLOR nor TERM=dumb (https://no-color.org). */
export const hasColors = (stream: Writable, env: Io['env']): boolean =>
  (stream as { isTTY?: boolean }).isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
