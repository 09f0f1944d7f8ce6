import { optionCommands, switches, valueCommands } from './conf-rows.ts'
import { type Counted, held } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import { ERR_add_error_data, SSLerr } from './err.ts'
import type { SSL } from './ssl.ts'
import {
  SSL_CONF_FLAG_CMDLINE,
  SSL_CONF_FLAG_FILE,
  SSL_CONF_FLAG_REQUIRE_PRIVATE,
  SSL_CONF_FLAG_SHOW_ERRORS,
  SSL_CONF_TYPE_NONE,
  SSL_CONF_TYPE_UNKNOWN,
} from './ssl-numbers.ts'
import type { X509_NAME } from './x509.ts'

/** Settings by name, as configuration files and command lines give them (SSL_CONF_cmd(3)). */

/** What a program collects its users' commands in. */
export class SSL_CONF_CTX implements Counted {
  readonly kind = 'SSL_CONF_CTX'
  references = 1
  flags = 0
  prefix: string | null = null
  /** What is being configured; null: values are only looked at. */
  target: Target | null = null
  /** Names of authorities, in force once all commands are done. */
  names: X509_NAME[] = []
  /** The files of certificates by kind of key: they may hold the key as well. */
  files = new Map<string, string>()
}
export type Target = SSL_CTX | SSL

/** What a command comes to: 1 good, 0 a bad value, -2 nothing that can be done here. */
export type Outcome = number
export interface Command {
  /** In files, in upper or lower case; undefined: for command lines only. */
  readonly file?: string
  /** On command lines, behind the prefix; undefined: for files only. */
  readonly line?: string
  /** SSL_CONF_TYPE_: what the value is; NONE for a switch. */
  readonly type: number
  /** SSL_CONF_FLAG_ bits without which there is no such command. */
  readonly needs: number
  readonly run: (c: SSL_CONF_CTX, value: string) => Outcome
}

export const SSL_CONF_CTX_new = (): SSL_CONF_CTX => new SSL_CONF_CTX()
export const SSL_CONF_CTX_free = (c: SSL_CONF_CTX | null): void => {
  if (c !== null) held(c).references--
}

/** SSL_CONF_FLAG_ bits: whose names are understood, and which commands there are. Returns the new mask. */
export const SSL_CONF_CTX_set_flags = (c: SSL_CONF_CTX, flags: number): number => (held(c).flags |= flags)
export const SSL_CONF_CTX_clear_flags = (c: SSL_CONF_CTX, flags: number): number => (held(c).flags &= ~flags)

/** What commands must begin with; it replaces the `-` of command lines. */
export const SSL_CONF_CTX_set1_prefix = (c: SSL_CONF_CTX, prefix: string | null): 0 | 1 => {
  held(c).prefix = prefix
  return 1
}

/** What to configure. null: commands are then only checked, as far as can be without. */
export const SSL_CONF_CTX_set_ssl_ctx = (c: SSL_CONF_CTX, ctx: SSL_CTX | null): void => {
  held(c).target = ctx && held(ctx)
}
export const SSL_CONF_CTX_set_ssl = (c: SSL_CONF_CTX, ssl: SSL | null): void => {
  held(c).target = ssl && held(ssl)
}

const commands: readonly Command[] = [...switches, ...optionCommands, ...valueCommands]

/**
 * One command. 2: it took the value as well; 1: it took none; 0: a bad value, with errors where the setting has them; -2:
 * no such command; -3: a value is missing. SSL_CONF_FLAG_SHOW_ERRORS says each of the last but one in the queue.
 */
export const SSL_CONF_cmd = (c: SSL_CONF_CTX, cmd: string | null, value: string | null): number => {
  const { flags } = held(c)
  if (cmd === null) {
    SSLerr(null, 'INVALID_NULL_CMD_NAME', FILE)
    return 0
  }
  const name = behindPrefix(c, cmd)
  if (name === undefined) return -2
  const command = find(c, name)
  const show = (flags & SSL_CONF_FLAG_SHOW_ERRORS) !== 0
  if (!command) {
    if (show) {
      SSLerr(null, 'UNKNOWN_CMD_NAME', FILE)
      ERR_add_error_data('cmd=', name)
    }
    return -2
  }
  if (command.type === SSL_CONF_TYPE_NONE) return command.run(c, '')
  if (value === null) return -3
  const outcome = command.run(c, value)
  if (outcome > 0) return 2
  if (outcome === -2) return -2
  if (show) {
    SSLerr(null, 'BAD_VALUE', FILE)
    ERR_add_error_data('cmd=', name, ', value=', value)
  }
  return 0
}

/**
 * The first command of an argument list, taken out of it with its value: how many arguments that were; 0 when the list is
 * empty or it is none of ours, which then stays; -1 for a bad value, -3 for a missing one.
 */
export const SSL_CONF_cmd_argv = (c: SSL_CONF_CTX, argv: string[]): number => {
  const [cmd, value = null] = argv
  if (cmd === undefined) return 0
  const { flags } = held(c)
  c.flags = (flags & ~SSL_CONF_FLAG_FILE) | SSL_CONF_FLAG_CMDLINE
  const ret = SSL_CONF_cmd(c, cmd, value)
  c.flags = flags | SSL_CONF_FLAG_CMDLINE
  if (ret > 0) {
    argv.splice(0, ret)
    return ret
  }
  return ret === -2 ? 0 : ret === 0 ? -1 : ret
}

/** What kind of value a command takes: SSL_CONF_TYPE_; UNKNOWN for none of ours. */
export const SSL_CONF_cmd_value_type = (c: SSL_CONF_CTX, cmd: string): number => {
  const name = behindPrefix(held(c), cmd)
  return (name === undefined ? undefined : find(c, name)?.type) ?? SSL_CONF_TYPE_UNKNOWN
}

/**
 * All commands are there: the names of authorities come into force and, with SSL_CONF_FLAG_REQUIRE_PRIVATE, a certificate
 * without a key gets that of its own file. 0 if there is none in it.
 */
export const SSL_CONF_CTX_finish = (c: SSL_CONF_CTX): 0 | 1 => {
  const { target, names, files, flags } = held(c)
  if (target && (flags & SSL_CONF_FLAG_REQUIRE_PRIVATE) !== 0) {
    for (const [type, file] of files) {
      const slot = target.settings.slots.get(type)
      if (slot && !slot.key && privateKey.run(c, file) <= 0) return 0
    }
  }
  c.names = []
  if (target && names.length > 0) target.settings.caList = names
  return 1
}

const privateKey = commands.find(({ file }) => file === 'PrivateKey') as Command

/** Undefined when it has not the prefix that it must have. */
const behindPrefix = ({ flags, prefix }: SSL_CONF_CTX, cmd: string): string | undefined => {
  const start = prefix ?? ((flags & SSL_CONF_FLAG_CMDLINE) !== 0 ? '-' : '')
  const has = cmd.slice(0, start.length)
  const same = (flags & SSL_CONF_FLAG_CMDLINE) !== 0 ? has === start : has.toLowerCase() === start.toLowerCase()
  return same && cmd.length > start.length ? cmd.slice(start.length) : undefined
}

const find = ({ flags }: SSL_CONF_CTX, name: string): Command | undefined =>
  commands.find(
    ({ file, line, needs }) =>
      (needs & ~flags) === 0 &&
      (((flags & SSL_CONF_FLAG_CMDLINE) !== 0 && line === name) ||
        ((flags & SSL_CONF_FLAG_FILE) !== 0 && file?.toLowerCase() === name.toLowerCase())),
  )

const FILE = 'openssl/conf.ts'
