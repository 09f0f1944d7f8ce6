import { latin1 } from '../bytes/text.ts'
import {
  SSL_CONF_CTX_finish,
  SSL_CONF_CTX_free,
  SSL_CONF_CTX_new,
  SSL_CONF_CTX_set_flags,
  SSL_CONF_CTX_set_ssl,
  SSL_CONF_CTX_set_ssl_ctx,
  SSL_CONF_cmd,
} from './conf.ts'
import { held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { ERR_add_error_data, SSLerr, SYSerr } from './err.ts'
import { environment, errnoOf, readFile } from './platform.ts'
import type { SSL } from './ssl.ts'
import * as n from './ssl-numbers.ts'

/** Settings that stand in a configuration file under a name (config(5), SSL_CTX_config(3)). */

/** Commands of a section, in order. */
type Section = readonly (readonly [name: string, value: string])[]

export const CONF_MFLAGS_IGNORE_MISSING_FILE = 0x10
export const CONF_MFLAGS_DEFAULT_SECTION = 0x20

let named: ReadonlyMap<string, Section> = new Map()

/**
 * Reads a configuration file and keeps what its `ssl_conf` module names, for SSL_CTX_config. `file` null: what the
 * environment variable OPENSSL_CONF says; `appname` null: openssl_conf. 1 when it was read.
 */
export const CONF_modules_load_file = (file: string | null, appname: string | null, flags: number): number => {
  const path = file ?? environment('OPENSSL_CONF')
  const missing = (flags & CONF_MFLAGS_IGNORE_MISSING_FILE) !== 0 ? 1 : 0
  if (path === undefined) return missing
  let sections: ReadonlyMap<string, Section>
  try {
    sections = readConf(latin1(readFile(path)))
  } catch (error) {
    if (missing === 1) return 1
    SYSerr('fopen', errnoOf(error), FILE)
    ERR_add_error_data(`fopen('${path}','r')`)
    return 0
  }
  const value = (section: string, name: string): string | undefined =>
    sections.get(section)?.findLast(([one]) => one === name)?.[1]
  const usual = appname === null || (flags & CONF_MFLAGS_DEFAULT_SECTION) !== 0
  const start =
    (appname !== null ? value('default', appname) : undefined) ?? (usual ? value('default', 'openssl_conf') : undefined)
  const list = start === undefined ? undefined : value(start, 'ssl_conf')
  if (list === undefined) return 1
  const found = new Map<string, Section>()
  for (const [name, section] of sections.get(list) ?? []) {
    const commands = sections.get(section)
    if (!commands) {
      SSLerr(null, 'SSL_COMMAND_SECTION_NOT_FOUND', FILE)
      ERR_add_error_data(`name=${name}, value=${section}`)
      return 0
    }
    found.set(name, commands)
  }
  named = found
  return 1
}
/** Forgets what was read. */
export const CONF_modules_unload = (_all: number): void => {
  named = new Map()
}

const configure = (target: SSL_CTX | SSL, name: string): 0 | 1 => {
  const commands = named.get(name)
  if (!commands) {
    SSLerr(null, 'INVALID_CONFIGURATION_NAME', FILE)
    ERR_add_error_data(`name=${name}`)
    return 0
  }
  const { roles } = target.method
  const conf = SSL_CONF_CTX_new()
  SSL_CONF_CTX_set_flags(
    conf,
    n.SSL_CONF_FLAG_FILE |
      n.SSL_CONF_FLAG_CERTIFICATE |
      n.SSL_CONF_FLAG_REQUIRE_PRIVATE |
      (roles !== 'server' ? n.SSL_CONF_FLAG_CLIENT : 0) |
      (roles !== 'client' ? n.SSL_CONF_FLAG_SERVER : 0),
  )
  if (target.kind === 'SSL') SSL_CONF_CTX_set_ssl(conf, target)
  else SSL_CONF_CTX_set_ssl_ctx(conf, target)
  let done = true
  for (const [command, value] of commands) {
    // what stands before a dot only tells several of the same apart
    const cmd = command.slice(command.indexOf('.') + 1)
    const ret = SSL_CONF_cmd(conf, cmd, value)
    done = ret > 0
    if (done) continue
    SSLerr(null, ret === -2 ? 'UNKNOWN_COMMAND' : 'BAD_VALUE', FILE)
    ERR_add_error_data(`section=${name}, cmd=${cmd}, arg=${value}`)
    break
  }
  done = done && SSL_CONF_CTX_finish(conf) === 1
  SSL_CONF_CTX_free(conf)
  return done ? 1 : 0
}
/** Runs the commands that the configuration file has under that name. 0 with errors for an unknown one, or a bad command. */
export const SSL_CTX_config = (ctx: SSL_CTX, name: string): 0 | 1 => configure(held(ctx), name)
export const SSL_config = (ssl: SSL, name: string): 0 | 1 => configure(held(ssl), name)

// ---- the file

/** Sections by name; what stands before the first is `default`. Comments, continued lines, quotes, `$name` and `${section::name}`. */
const readConf = (text: string): Map<string, Section> => {
  const sections = new Map<string, [string, string][]>()
  const into = (name: string): [string, string][] => {
    const known = sections.get(name) ?? []
    sections.set(name, known)
    return known
  }
  let current = 'default'
  for (const line of text.replace(/\\\r?\n/g, '').split(/\r?\n/)) {
    const plain = line.replace(/(^|[^\\])#.*$/, '$1').trim()
    if (plain === '') continue
    const header = /^\[\s*(.*?)\s*\]$/.exec(plain)
    if (header) {
      current = header[1] as string
      into(current)
      continue
    }
    const entry = /^([^=]+?)\s*=\s*(.*)$/.exec(plain)
    if (!entry) continue
    into(current).push([entry[1] as string, expanded(entry[2] as string, current, sections)])
  }
  return sections
}

const expanded = (value: string, current: string, sections: ReadonlyMap<string, Section>): string =>
  value
    .replace(/\$(?:\{(?:([^}:]+)::)?([^}]+)\}|\((?:([^):]+)::)?([^)]+)\)|(\w+))/g, (_, a, b, c, d, e) => {
      const section: string = a ?? c ?? current
      const name: string = b ?? d ?? e
      if (section === 'ENV') return environment(name) ?? ''
      const from = (where: string): string | undefined => sections.get(where)?.findLast(([one]) => one === name)?.[1]
      return from(section) ?? from('default') ?? ''
    })
    .replace(/"([^"]*)"|'([^']*)'|\\(.)/g, (_, a, b, c) => a ?? b ?? c)

const FILE = 'openssl/modules.ts'
