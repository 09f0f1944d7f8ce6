import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Characters on one stream after which a child must have gone mad. */
const flood = 64 << 20

const alive = new Set<Child>()

/** Options of `Child`: where and with what it runs, and whether it outlives one conversation. */
export interface ChildOptions {
  cwd?: string
  env?: Record<string, string>
  /** `endOfCell` leaves it running. */
  keep?: boolean
}

/** A child process that remembers all it said and can be waited for. It never outlives this process. */
export class Child {
  out = ''
  err = ''
  /** The exit code, or the name of the signal. */
  readonly exited: Promise<number | string>
  readonly keep: boolean
  readonly #process: ChildProcess
  readonly name: string
  readonly #waiting = new Set<() => void>()
  #ended = false

  constructor(command: string, args: string[], options: ChildOptions = {}) {
    this.name = command.split('/').at(-1)!
    this.keep = options.keep ?? false
    this.#process = spawn(command, args, {
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    })
    alive.add(this)
    const { stdout, stderr, stdin } = this.#process
    stdout?.setEncoding('latin1').on('data', (text: string) => this.#heard('out', text))
    stderr?.setEncoding('latin1').on('data', (text: string) => this.#heard('err', text))
    stdin?.on('error', () => {}) // it may end before it has read everything; its exit tells
    this.exited = new Promise((resolve) => {
      const end = (result: number | string): void => {
        alive.delete(this)
        this.#ended = true
        resolve(result)
        this.#wake()
      }
      this.#process.once('close', (code, signal) => end(code ?? signal ?? 'no exit code'))
      this.#process.once('error', (error) => {
        this.err += error.message
        end(error.message)
      })
    })
  }

  /** Waits until the test is true of what it printed. Rejects when it ends before. */
  async until(test: () => boolean): Promise<void> {
    while (!test()) {
      if (this.#ended) throw new Error(`${this.name} ended early: ${lastWords(this.err || this.out)}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Waits until the pattern stands in what it printed, on either stream. */
  async waitFor(pattern: RegExp): Promise<RegExpMatchArray> {
    let found: RegExpMatchArray | null = null
    await this.until(() => (found = this.out.match(pattern) ?? this.err.match(pattern)) !== null)
    return found!
  }

  /** Called with each piece of stdout from now on. */
  onOutput(listen: (text: string) => void): void {
    this.#process.stdout?.on('data', listen)
  }

  write(text: string | Uint8Array): void {
    this.#process.stdin?.write(text)
  }

  endInput(): void {
    this.#process.stdin?.end()
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#process.kill(signal)
  }

  #heard(stream: 'out' | 'err', text: string): void {
    this[stream] += text
    if (this[stream].length > flood) this.kill()
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

/** Runs a command to its end and returns what it printed. Throws with its last words when it fails. */
export const run = async (command: string, args: string[], options: ChildOptions = {}): Promise<string> => {
  const child = new Child(command, args, options)
  child.endInput()
  const code = await child.exited
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ''} failed (${code}): ${lastWords(child.err || child.out)}`)
  return child.out || child.err
}

/** The first line that matches in what a command prints, whatever its exit code; undefined when there is no such command. */
export const versionOf = async (command: string, args: string[], pattern: RegExp): Promise<string | undefined> => {
  const child = new Child(command, args)
  child.endInput()
  await child.exited
  const found = (child.out + child.err).match(pattern)
  return found ? (found[1] ?? found[0]) : undefined
}

/** Ends the children of one conversation. Returns what those that still ran had said last. */
export const endOfCell = (): string[] =>
  [...alive].flatMap((child) => {
    if (child.keep) return []
    child.kill()
    return [`${child.name}: ${lastWords(child.out)} | ${lastWords(child.err)}`]
  })

/** Ends every child. */
export const endOfRun = (): void => {
  for (const child of alive) child.kill()
}
process.once('exit', endOfRun)

/** The tail of an output as one line. */
export const lastWords = (text: string): string =>
  text
    .trim()
    .split('\n')
    .slice(-3)
    .map((line) => line.trim())
    .join(' / ')
    .slice(-300) || 'it said nothing'

/** A port that was free a moment ago, for servers that cannot choose one and say so. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
