import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Some processes that run cases, and the program that brings them. */
export interface Lanes {
  readonly folder: string
  /** The program for the runner to start. */
  readonly shim: string
  readonly env: NodeJS.ProcessEnv
  end(): void
}

/** Starts that many lanes. One that ends is started anew, for as long as the others are wanted. */
export const startLanes = (count: number, compilers: readonly string[] = COMPILERS): Lanes => {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-bogo-'))
  const children: ChildProcess[] = []
  let over = false
  const start = (lane: number): void => {
    const socket = join(folder, `${lane}.sock`)
    rmSync(socket, { force: true })
    const child = fork(here('lane.ts'), [socket], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    children[lane] = child
    child.once('exit', () => {
      if (!over) start(lane)
    })
  }
  for (let lane = 0; lane < count; lane++) {
    writeFileSync(join(folder, `${lane}.lock`), '')
    start(lane)
  }
  return {
    folder,
    shim: forwarder(folder, compilers),
    env: { ...process.env, BOGO_LANES: folder },
    end() {
      over = true
      for (const child of children) child.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const COMPILERS = ['cc', 'gcc', 'clang']

/** The forwarder, compiled if there is a compiler; the script otherwise. */
const forwarder = (folder: string, compilers: readonly string[]): string => {
  for (const compiler of compilers) {
    const program = join(folder, 'forward')
    try {
      execFileSync(compiler, ['-O1', '-o', program, here('forward.c')], { stdio: 'pipe' })
      return program
    } catch {
      // the next one
    }
  }
  const script = join(folder, 'forward.mjs')
  copyFileSync(here('forward.mjs'), script)
  chmodSync(script, 0o755)
  return script
}
