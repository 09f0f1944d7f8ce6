import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { makeIdentity, type OwnIdentity } from '../src/cli/identity.ts'
import { main } from '../src/cli/main.ts'

/** A command that runs in this process, with streams of its own. */
export interface Running {
  readonly stdin: PassThrough
  readonly out: string
  readonly err: string
  /** Its exit code, once it is over. */
  readonly code: Promise<number>
  /** Waits until stdout (or stderr) has what is looked for; fails when the command ends without it. */
  until(wanted: RegExp, where?: 'out' | 'err'): Promise<RegExpExecArray>
  interrupt(): void
}

export interface Surroundings {
  readonly input?: string
  readonly env?: Record<string, string>
  readonly colors?: boolean
}

/** Starts `typetls args…`. Input stays open unless `input` is given, after which it ends. */
export const typetls = (args: readonly string[], { input, env = {}, colors = false }: Surroundings = {}): Running => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  if (input !== undefined) stdin.end(input)
  const stop = new AbortController()
  const code = main(args, { stdin, stdout, stderr, env, colors, interrupted: () => stop.signal })
  return watched(stdin, stdout, stderr, code, () => stop.abort())
}

const watched = (
  stdin: PassThrough,
  stdout: Readable,
  stderr: Readable,
  code: Promise<number>,
  interrupt: () => void,
): Running => {
  const texts = { out: '', err: '' }
  const looking = new Set<() => void>()
  const look = (): void => {
    for (const one of [...looking]) one()
  }
  const collect = (stream: Readable, name: 'out' | 'err'): unknown =>
    stream.on('data', (data: Buffer) => {
      texts[name] += data.toString()
      look()
    })
  collect(stdout, 'out')
  collect(stderr, 'err')
  let over = false
  const ended = code.finally(async () => {
    // what was written last is still on its way
    for (let i = 0; i < 3; i++) await new Promise(setImmediate)
    over = true
    look()
  })
  ended.catch(() => {}) // told to whoever awaits `code`
  return {
    stdin,
    get out() {
      return texts.out
    },
    get err() {
      return texts.err
    },
    code: ended,
    until: (wanted, where = 'out') =>
      new Promise((resolve, reject) => {
        const one = (): void => {
          const found = wanted.exec(texts[where])
          if (!found && !over) return
          looking.delete(one)
          if (found) resolve(found)
          else reject(new Error(`no ${wanted} in ${JSON.stringify(texts)}`))
        }
        looking.add(one)
        one()
      }),
    interrupt,
  }
}

/** The port that a server of ours listens on. */
export const portOf = async (server: Running): Promise<string> =>
  (await server.until(/^ACCEPT .*:(\d+)$/m))[1] as string

/** Files for a server, in a folder that goes when the process does. */
export interface Files {
  readonly folder: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly identity: OwnIdentity
  /** Writes a file and gives its path. */
  file(name: string, content?: string | Uint8Array): string
}

export const makeFiles = async (names?: readonly string[]): Promise<Files> => {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-test-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const identity = await makeIdentity(names)
  const file = (name: string, content?: string | Uint8Array): string => {
    const path = join(folder, name)
    if (content !== undefined) writeFileSync(path, content)
    return path
  }
  return {
    folder,
    identity,
    file,
    ca: file('ca.pem', identity.caPem),
    cert: file('cert.pem', identity.chainPem),
    key: file('key.pem', identity.keyPem),
  }
}

/** Why tests with the openssl command are skipped here; false when they are not. */
export const noOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl command here'

/** Another program, with the same handles as our commands. */
export const command = (program: string, args: readonly string[], { input }: Surroundings = {}): Running => {
  const child = spawn(program, args)
  process.on('exit', () => child.kill('SIGKILL'))
  const stdin = new PassThrough()
  stdin.pipe(child.stdin)
  child.stdin.on('error', () => {})
  if (input !== undefined) stdin.end(input)
  const code = new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)))
  return watched(stdin, child.stdout, child.stderr, code, () => child.kill())
}
