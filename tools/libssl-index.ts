/**
 * Writes docs/libssl/index.md from what src/openssl exports and tools/libssl-names.ts knows.
 *
 *   npm run docs:libssl
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { OUT_OF_SCOPE, PAGES, REFUSED, WANTED } from './libssl-names.ts'

const folder = fileURLToPath(new URL('../src/openssl/', import.meta.url))
export const INDEX = fileURLToPath(new URL('../docs/libssl/index.md', import.meta.url))

const load = async (file: string): Promise<Record<string, unknown>> =>
  (await import(pathToFileURL(folder + file).href)) as Record<string, unknown>

export const pageOf = (name: string): string => PAGES.find(({ names }) => names.test(name))?.page as string

export const FACE = fileURLToPath(new URL('../src/openssl/index.ts', import.meta.url))
/** The face: every function by name, as the language has no other way to export what is made when a module begins. */
export const libsslFace = async (): Promise<string> => {
  const all = await load('all.ts')
  const isClass = (value: object): boolean => Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
  const names = Object.keys(all).filter((name) => typeof all[name] === 'function' && !isClass(all[name] as object))
  const lines: string[] = []
  let line = ''
  for (const name of names.sort()) {
    if (line.length + name.length > 112) {
      lines.push(line)
      line = ''
    }
    line += ` ${name},`
  }
  return [
    "/** OpenSSL 1.1.1's names: every BIO_*, ERR_*, SSL_* function under its own, with its arguments and results. Written by npm run docs:libssl. */",
    '',
    "import * as all from './all.ts'",
    "import { guardedFunctions } from './guard.ts'",
    '',
    '// types, classes and constants as they are; functions so that they say what was wrong with their arguments',
    "export * from './all.ts'",
    '// biome-ignore format: one name is like another',
    'export const {',
    ...[...lines, line].map((one) => ` ${one}`),
    '} = guardedFunctions(all)',
    '',
  ].join('\n')
}

/** The whole text, and what is wrong with the lists that it was made of. */
export const libsslIndex = async (): Promise<{ text: string; faults: string[] }> => {
  const all = await load('all.ts')
  const files = readdirSync(folder).filter(
    (name) => /^[^.]+\.ts$/.test(name) && name !== 'index.ts' && name !== 'all.ts',
  )
  const homes = new Map<string, string>()
  for (const file of files.sort()) {
    for (const [name, value] of Object.entries(await load(file))) {
      if (all[name] === value && !homes.has(name)) homes.set(name, file)
    }
  }
  const names = Object.keys(all).sort()
  const callable = names.filter((name) => typeof all[name] === 'function')
  const constants = names.filter((name) => typeof all[name] !== 'function')
  const faults = [
    ...Object.keys(REFUSED)
      .filter((name) => !(name in all))
      .map((name) => `${name} is listed as refused, but is not exported.`),
    ...Object.keys(OUT_OF_SCOPE)
      .filter((name) => name in all)
      .map((name) => `${name} is listed as out of scope, but is exported.`),
  ]
  const wanted = WANTED.filter((name) => !(name in all)).sort()

  const lines = [
    "# Index of libssl's functions",
    '',
    '<!-- Written by npm run docs:libssl. -->',
    '',
    'States: **there**; **refused**: can be called, and fails with an error that says why; **not yet**: shall be there;',
    '**out of scope**: not exported. Names of ours that OpenSSL does not have are among those that are there.',
    '',
    `${callable.length - Object.keys(REFUSED).length} there, ${Object.keys(REFUSED).length} refused, ${wanted.length} not yet, ${Object.keys(OUT_OF_SCOPE).length} out of scope; ${constants.length} constants.`,
    '',
  ]
  for (const { page, title } of PAGES) {
    const mine = [...callable, ...wanted].filter((name) => pageOf(name) === page).sort()
    lines.push(
      `## ${title}`,
      '',
      `What differs: [${page}.md](${page}.md).`,
      '',
      '| name | state | source |',
      '|---|---|---|',
    )
    for (const name of mine) {
      const state = name in all ? (name in REFUSED ? `refused: ${REFUSED[name]}` : 'there') : 'not yet'
      lines.push(`| \`${name}\` | ${state} | ${homes.get(name) ?? (name in all ? 'all.ts' : '')} |`)
    }
    lines.push('')
  }
  lines.push('## Out of scope', '', '| name | why |', '|---|---|')
  for (const [name, why] of Object.entries(OUT_OF_SCOPE).sort()) lines.push(`| \`${name}\` | ${why} |`)
  lines.push('', '## Constants', '', ...constants.map((name) => `- \`${name}\` ${JSON.stringify(all[name])}`), '')
  return { text: lines.join('\n'), faults }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { text, faults } = await libsslIndex()
  for (const fault of faults) console.error(fault)
  writeFileSync(INDEX, text)
  writeFileSync(FACE, await libsslFace())
  process.exitCode = faults.length > 0 ? 1 : 0
}
