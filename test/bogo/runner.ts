import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { disabled } from './disabled.ts'
import { errorMap } from './errors.ts'
import type { Lanes } from './lanes.ts'

export type Verdict = 'PASSED' | 'FAILED' | 'UNIMPLEMENTED'

export interface CaseResult {
  readonly name: string
  readonly verdict: Verdict
  /** What the runner said of a failure. */
  readonly why: string
}

/** What is written for the runner to read. */
export const runnerConfig = (): object => ({ DisabledTests: disabled, ErrorMap: errorMap, HalfRTTTickets: 0 })

/** Runs the runner, and tells of each case as it ends. `list`: runs none, only names them all, disabled ones too. */
export const run = (
  runner: string,
  lanes: Lanes,
  options: { readonly workers: number; readonly pattern?: string; readonly list?: boolean },
  tell: (result: CaseResult) => void,
): Promise<void> => {
  const config = join(lanes.folder, 'config.json')
  writeFileSync(config, JSON.stringify(runnerConfig()))
  const args = ['-pipe', '-allow-unimplemented', '-num-workers', String(options.workers), '-shim-path', lanes.shim]
  args.push('-shim-config', config)
  if (options.pattern !== undefined) args.push('-test', options.pattern)
  if (options.list) args.push('-include-disabled')
  const child = spawn(runner, args, {
    cwd: dirname(runner),
    env: { ...lanes.env, ...(options.list && { BOGO_LIST: '1' }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  process.once('exit', () => child.kill())
  let results = 0
  let current: { name: string; verdict: Verdict; lines: string[] } | undefined
  const done = (): void => {
    if (current) tell({ name: current.name, verdict: current.verdict, why: current.lines.join('\n').trim() })
    current = undefined
  }
  createInterface(child.stdout).on('line', (line) => {
    const found = /^(PASSED|FAILED|UNIMPLEMENTED) \((.*)\)$/.exec(line)
    if (!found) {
      current?.lines.push(line)
      return
    }
    done()
    results++
    current = { name: found[2] as string, verdict: found[1] as Verdict, lines: [] }
    if (current.verdict !== 'FAILED') done()
  })
  let errors = ''
  child.stderr.on('data', (part) => {
    errors += part
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      done()
      // it ends with 1 when a case has failed
      if (signal || results === 0) reject(new Error(`the runner ended with ${signal ?? code}: ${errors.trim()}`))
      else resolve()
    })
  })
}
