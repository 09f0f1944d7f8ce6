import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writePem } from '../../src/x509/pem.ts'
import { HOST, TIME } from './chains.ts'

export const version = spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout?.trim() ?? ''

/** What OpenSSL says of a leaf: `ok`, or the first of its errors. */
export interface Verdict {
  readonly ok: boolean
  /** X509_V number; 0 when the certificate could not even be read. */
  readonly code: number
  readonly depth: number
  readonly text: string
}

/** OpenSSL's strict verdicts on many leaves, with files in a folder of its own. */
export class Judge {
  readonly #folder = mkdtempSync(join(tmpdir(), 'typetls-fuzz-'))

  constructor(root: Uint8Array) {
    writeFileSync(join(this.#folder, 'root.pem'), writePem('CERTIFICATE', root))
    mkdirSync(join(this.#folder, 'nobody'))
  }

  close(): void {
    rmSync(this.#folder, { recursive: true })
  }

  /** All below the same intermediate. */
  verdicts(inter: Uint8Array, leaves: readonly Uint8Array[]): Verdict[] {
    const write = (name: string, raw: Uint8Array): string => {
      writeFileSync(join(this.#folder, name), writePem('CERTIFICATE', raw))
      return name
    }
    write('inter.pem', inter)
    const files = leaves.map((leaf, at) => write(`${at}.pem`, leaf))
    const rules = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', HOST, '-attime', String(TIME / 1000)]
    const trust = ['-CAfile', 'root.pem', '-CApath', 'nobody', '-untrusted', 'inter.pem']
    const ended = spawnSync('openssl', ['verify', ...rules, ...trust, ...files], {
      cwd: this.#folder,
      encoding: 'latin1',
    })
    const good = new Set(ended.stdout.split('\n').flatMap((line) => /^(.*): OK$/.exec(line)?.[1] ?? []))
    return files.map((file) => {
      if (good.has(file)) return { ok: true, code: 0, depth: 0, text: 'OK' }
      // an error stands before the line that names its file
      const end = ended.stderr.indexOf(`error ${file}: verification failed`)
      const before =
        end < 0 ? '' : ended.stderr.slice(ended.stderr.lastIndexOf('verification failed', end - 1) + 1, end)
      const [, code = '0', depth = '0', text = 'cannot be read'] =
        /^error (\d+) at (\d+) depth lookup: (.*)$/m.exec(before) ?? []
      return { ok: false, code: Number(code), depth: Number(depth), text }
    })
  }
}
