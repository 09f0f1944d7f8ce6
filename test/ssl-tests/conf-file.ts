/**
 * Files in OpenSSL's form (config(5)): sections of names and values, `#` comments, lines that go on after a backslash, and
 * `$name`, `${name}`, `${section::name}` and `${ENV::name}` in values.
 */

export type Section = readonly (readonly [name: string, value: string])[]

/** Sections by name, what stands before the first under `default`. Throws for a line that is none, with its number. */
export const readConf = (text: string, env: Readonly<Record<string, string>>): ReadonlyMap<string, Section> => {
  const sections = new Map<string, [string, string][]>([['default', []]])
  let current = 'default'
  let begun = ''
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = begun + bare(raw)
    if (line.endsWith('\\')) {
      begun = line.slice(0, -1)
      continue
    }
    begun = ''
    const whole = line.trim()
    if (whole === '') continue
    const heading = /^\[(.*)\]$/.exec(whole)
    if (heading) {
      current = (heading[1] as string).trim()
      if (!sections.has(current)) sections.set(current, [])
      continue
    }
    const equals = whole.indexOf('=')
    if (equals < 0) throw new Error(`line ${index + 1}: "${whole}" is neither a section nor a setting`)
    const value = expand(whole.slice(equals + 1).trim(), current, sections, env)
    ;(sections.get(current) as [string, string][]).push([whole.slice(0, equals).trim(), value])
  }
  return sections
}

/** The value of a name, the last one where it stands more than once. */
export const lookUp = (section: Section | undefined, name: string): string | undefined =>
  section?.findLast(([known]) => known === name)?.[1]

/** Without the comment. */
const bare = (line: string): string => {
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const c = line[at] as string
    if (c === '\\') at++
    else if (quote !== '') quote = c === quote ? '' : quote
    else if (c === '"' || c === "'") quote = c
    else if (c === '#') return line.slice(0, at)
  }
  return line
}

const expand = (
  value: string,
  current: string,
  sections: ReadonlyMap<string, Section>,
  env: Readonly<Record<string, string>>,
): string =>
  value
    .replace(/^(["'])(.*)\1$/, '$2')
    .replace(/\$(?:\{([^}]*)\}|\(([^)]*)\)|(\w+(?:::\w+)?))/g, (found, braced, round, plain) => {
      const [name, section = current] = ((braced ?? round ?? plain) as string).split('::').reverse() as [
        string,
        string?,
      ]
      const known =
        section === 'ENV' ? env[name] : (lookUp(sections.get(section), name) ?? lookUp(sections.get('default'), name))
      if (known === undefined) throw new Error(`${found} stands for nothing`)
      return known
    })
