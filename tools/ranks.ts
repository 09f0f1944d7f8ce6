/**
 * Checks which way imports point: every folder has a rank, and imports go downwards only (docs/architecture.md).
 * Also: the platform (`node:`, `Buffer`, `process`) only where it belongs, providers only from entry points, packages only
 * where they are named, and no cycles between files, types apart. Tests may import what they like.
 *
 *   npm run ranks
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-api'

interface Row {
  /** A folder of src/ (with its slash) or a file; the longest that matches counts. */
  readonly at: string
  /** A provider has the rank of a leaf: beside the ranks, since almost nobody may import it. */
  readonly rank: number | 'leaf'
  /** The ranks it may import; its own folder goes without saying. */
  readonly may: readonly number[]
  /** Places it may import although their rank does not say so. */
  readonly also?: readonly string[]
  /** Places it may not import although their rank says so; `also` is stronger. */
  readonly not?: readonly string[]
  /** Whether it may use `node:` modules, `Buffer` and `process`. */
  readonly platform?: boolean
  /** Packages it may import, by the beginning of their name. */
  readonly packages?: readonly string[]
}

const upTo = (rank: number): number[] => Array.from({ length: rank + 1 }, (_, index) => index)
const PROVIDERS = ['crypto/node/', 'crypto/web/', 'crypto/noble/', 'crypto/post-quantum/', 'crypto/sodium/']

const ROWS: readonly Row[] = [
  { at: 'bytes/', rank: 0, may: [0] },
  { at: 'errors.ts', rank: 0, may: [0] },
  { at: 'reasons.ts', rank: 0, may: [0] },
  { at: 'task.ts', rank: 0, may: [0] },
  { at: 'wire/', rank: 1, may: [0] },
  { at: 'trace.ts', rank: 1, may: [0] },
  { at: 'crypto/', rank: 2, may: upTo(1) },
  { at: 'x509/', rank: 3, may: upTo(2) },
  { at: 'session/', rank: 3, may: upTo(2) },
  { at: 'config.ts', rank: 4, may: upTo(3) },
  // facts name what a config names, and a carrier keeps the limits of a config; a config knows neither
  { at: 'facts.ts', rank: 4, may: upTo(3), also: ['config.ts'] },
  { at: 'record/', rank: 4, may: upTo(3), also: ['config.ts'] },
  { at: 'extensions/', rank: 5, may: upTo(4), not: ['record/'] },
  { at: 'messages/', rank: 6, may: [0, 1, 5] },
  { at: 'handshake/', rank: 7, may: upTo(6), not: ['record/'], also: ['record/carrier.ts'] },
  { at: 'connection.ts', rank: 8, may: upTo(7) },
  // what is said before TLS begins
  { at: 'starttls/', rank: 8, may: [0] },
  { at: 'index.ts', rank: 9, may: upTo(8), also: PROVIDERS },
  { at: 'openssl/', rank: 9, may: upTo(8) },
  { at: 'openssl/index.ts', rank: 9, may: upTo(8), also: ['openssl/', ...PROVIDERS] },
  { at: 'openssl/all.ts', rank: 9, may: upTo(8), also: ['openssl/', ...PROVIDERS] },
  { at: 'openssl/socket-thread.js', rank: 9, may: [], platform: true },
  { at: 'openssl/platform.ts', rank: 9, may: upTo(8), also: ['openssl/', ...PROVIDERS], platform: true },
  // lists of ciphers, groups and signature algorithms are OpenSSL's language, whoever is told them
  {
    at: 'node/',
    rank: 9,
    may: upTo(8),
    also: [...PROVIDERS, 'openssl/ciphers.ts', 'openssl/lists.ts'],
    platform: true,
  },
  // whom the system trusts is a question of the OpenSSL face as well
  { at: 'node/roots.ts', rank: 4, may: upTo(3), platform: true },
  { at: 'node/bio-stream.ts', rank: 9, may: upTo(8), also: ['node/', 'openssl/bio.ts'], platform: true },
  { at: 'redis/', rank: 9, may: upTo(3), platform: true },
  { at: 'web/', rank: 9, may: upTo(8), also: PROVIDERS },
  {
    at: 'cli/',
    rank: 10,
    may: upTo(9),
    also: PROVIDERS,
    platform: true,
    packages: ['commander', 'prom-client', 'ioredis', 'redis'],
  },
  { at: 'crypto/node/', rank: 'leaf', may: upTo(2), platform: true },
  { at: 'crypto/web/', rank: 'leaf', may: upTo(2) },
  { at: 'crypto/post-quantum/', rank: 'leaf', may: upTo(2), packages: ['@noble/post-quantum/'] },
  { at: 'crypto/sodium/', rank: 'leaf', may: upTo(2), packages: ['libsodium'] },
  { at: 'crypto/noble/', rank: 'leaf', may: upTo(2), packages: ['@noble/', 'micro-rsa-dsa-dh/'] },
]

const PLATFORM_GLOBALS = ['Buffer', 'process']

const covers = (place: string, file: string): boolean => (place.endsWith('/') ? file.startsWith(place) : file === place)
const folderOf = (place: string): string => (place.includes('/') ? place.slice(0, place.lastIndexOf('/') + 1) : place)
const rowOf = (file: string): Row | undefined =>
  ROWS.filter((row) => covers(row.at, file)).sort((a, b) => b.at.length - a.at.length)[0]

/** Why one file may not import another of src/, or undefined if it may. */
function refusal(from: string, to: string): string | undefined {
  if (to.endsWith('.test.ts')) return 'a test is imported by nobody'
  const source = rowOf(from)
  const target = rowOf(to)
  if (source === undefined || target === undefined) return undefined // said once, about the file itself
  if (source.also?.some((place) => covers(place, to))) return undefined
  if (target.rank === 'leaf') {
    return source.at === target.at
      ? undefined
      : 'a provider is imported by entry points, the command line and tests only'
  }
  if (source.rank !== 'leaf' && folderOf(source.at) === folderOf(target.at)) return undefined
  if (source.not?.some((place) => covers(place, to))) return `${source.at} may not import it`
  if (source.may.includes(target.rank)) return undefined
  const ranks = source.may.join(', ')
  return `${source.at} has rank ${source.rank} and may import ranks ${ranks}, but ${target.at} has rank ${target.rank}`
}

interface Import {
  readonly line: number
  /** What stands between the quotes; undefined if it is computed. */
  readonly specifier: string | undefined
  readonly typeOnly: boolean
}

interface Source {
  readonly imports: readonly Import[]
  /** Where a global of the platform is named. */
  readonly globals: readonly { readonly line: number; readonly name: string }[]
}

function readSource(path: string): Source {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const globals: { line: number; name: string }[] = []
  const lineOf = (node: ts.Node): number => source.getLineAndCharacterOfPosition(node.getStart()).line + 1
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean): void => {
    const text = specifier && ts.isStringLiteralLike(specifier) ? specifier.text : undefined
    imports.push({ line: lineOf(node), specifier: text, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node, node.moduleSpecifier, node.isTypeOnly)
    } else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false)
    } else if (ts.isIdentifier(node) && PLATFORM_GLOBALS.includes(node.text) && !isMemberName(node)) {
      globals.push({ line: lineOf(node), name: node.text })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { imports, globals }
}

/** Whether an identifier is the name of somebody's member (`x.process`, `{ process: 1 }`) and so no global. */
const isMemberName = (node: ts.Identifier): boolean =>
  ('name' in node.parent && node.parent.name === node && !ts.isVariableDeclaration(node.parent)) ||
  (ts.isQualifiedName(node.parent) && node.parent.right === node)

/** The shortest way from a file back to itself, or undefined. */
function cycleThrough(start: string, graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) {
        const path = [start]
        for (let at = file; at !== start; at = cameFrom.get(at) as string) path.unshift(at)
        return [start, ...path]
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, file)
        queue.push(next)
      }
    }
  }
  return undefined
}

/**
 * Every violation under a `src` folder, one line each, and what was looked at.
 * Throws when there is no source file at all, since a check of nothing proves nothing.
 */
export function checkRanks(src: string): { violations: string[]; files: number; imports: number } {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll(sep, '/'))
    .filter((file) => /\.[jt]s$/.test(file) && !file.endsWith('.test.ts') && !file.endsWith('.d.ts'))
    .sort()
  if (files.length === 0) throw new Error(`There is no source file in ${src}.`)

  const violations: string[] = []
  const graph = new Map<string, string[]>()
  let count = 0
  for (const file of files) {
    const row = rowOf(file)
    if (row === undefined) {
      violations.push(`${file}: has no rank, so give it a row in tools/ranks.ts`)
      continue
    }
    const { imports, globals } = readSource(join(src, file))
    count += imports.length
    const say = (line: number, text: string): unknown => violations.push(`${file}:${line}: ${text}`)
    for (const { line, name } of globals) {
      if (!row.platform) say(line, `uses ${name}, which not every runtime has`)
    }
    for (const { line, specifier, typeOnly } of imports) {
      if (specifier === undefined) {
        if (!row.platform) say(line, 'imports something computed, which nobody can check')
      } else if (specifier.startsWith('.')) {
        const target = posix.join(posix.dirname(file), specifier)
        if (target.startsWith('../')) say(line, `imports ${specifier}, which is outside src/`)
        const why = refusal(file, target)
        if (why) say(line, `imports ${target}: ${why}`)
        if (!typeOnly) graph.set(file, [...(graph.get(file) ?? []), target])
      } else if (specifier.startsWith('node:')) {
        if (!row.platform) say(line, `imports ${specifier}, but ${row.at} is for every runtime`)
      } else if (!row.packages?.some((name) => specifier.startsWith(name))) {
        say(line, `imports the package ${specifier}, which ${row.at} may not`)
      }
    }
  }

  const told = new Set<string>()
  for (const file of files) {
    if (told.has(file)) continue
    const cycle = cycleThrough(file, graph)
    if (cycle === undefined) continue
    for (const member of cycle) told.add(member)
    violations.push(`${file}: stands in a cycle, ${cycle.join(' -> ')}`)
  }
  return { violations, files: files.length, imports: count }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const src = process.argv[2] ?? join(root, 'src')
  const { violations, files, imports } = checkRanks(src)
  for (const violation of violations) console.error(`${relative(process.cwd(), src)}/${violation}`)
  console.log(`ranks: ${files} files, ${imports} imports, ${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
}
