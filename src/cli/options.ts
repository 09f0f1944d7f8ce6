import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { Failure } from './failure.ts'

/** Command-line options as rows, written with a single dash as OpenSSL writes them. */

/** One option. Without `value` it is a switch; otherwise `value` says what must follow it. */
export interface Row<T> {
  readonly value?: string
  readonly help: string
  /** Throws `BadValue` when the text is no such value. */
  readonly parse?: (text: string) => T
  /** Options that contradict it. */
  readonly against?: readonly string[]
  /** Whether it may be given several times; `parse` then gives lists, which are joined in order. */
  readonly many?: true
}
export type Rows = Readonly<Record<string, Row<unknown>>>

/** What was chosen; an option that was not given is absent. */
export type Chosen<R extends Rows> = { readonly [K in keyof R]?: R[K] extends Row<infer T> ? T : never }

/** What a command is called, takes and does. */
export interface Usage<R extends Rows> {
  readonly name: string
  readonly summary: string
  /** What may stand beside options: `host:port`; at most once unless `many`. */
  readonly argument?: { readonly value: string; readonly help: string; readonly many?: true }
  readonly rows: R
}

/** The value of an option cannot be what was given; the text says what it should have been. */
export class BadValue extends Error {
  override readonly name: string = 'BadValue'
}

export const flag = (help: string, ...against: readonly string[]): Row<true> => ({ help, against })
export const text = (value: string, help: string): Row<string> => ({ value, help })
export const row = <T>(value: string, help: string, parse: (text: string) => T): Row<T> => ({ value, help, parse })

/** A text that may be given several times. */
export const texts = (value: string, help: string): Row<readonly string[]> => ({
  value,
  help,
  parse: (given) => [given],
  many: true,
})

/** A whole number in a range, both ends included. */
export const number = (value: string, help: string, least: number, most: number): Row<number> =>
  row(value, help, (given) => {
    const n = /^\d+$/.test(given) ? Number(given) : Number.NaN
    if (!(n >= least && n <= most)) throw new BadValue(`a number from ${least} to ${most}`)
    return n
  })

/** One of some words. */
export const choice = <T extends string>(value: string, help: string, words: readonly T[]): Row<T> =>
  row(value, help, (given) => {
    const word = words.find((one) => one === given)
    if (word === undefined) throw new BadValue(`one of ${words.join(', ')}`)
    return word
  })

/** Where to connect to or to listen. */
export interface Place {
  readonly host: string | undefined
  /** A number, or the name of a service. */
  readonly port: string
}

/** `host:port`, `[2001:db8::1]:port`, or one of the two alone, which `alone` says to be the host or the port. */
export const parsePlace = (given: string, alone: 'host' | 'port', missing: string): Place => {
  const parts = /^(?:\[(?<address>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>[^:]*))?$/.exec(given)?.groups
  if (!parts || given === '') throw new BadValue('host:port, with an IPv6 address in brackets')
  const host = parts['address'] ?? parts['name'] ?? ''
  if (parts['port'] === undefined && alone === 'port' && parts['address'] === undefined) return place(undefined, host)
  return place(host === '' || host === '*' ? undefined : host, parts['port'] ?? missing)
}

const place = (host: string | undefined, port: string): Place => {
  if (/^\d+$/.test(port) ? Number(port) > 65535 : !/^[a-z][a-z0-9-]*$/i.test(port)) {
    throw new BadValue('a port from 0 to 65535, or the name of a service')
  }
  return { host, port }
}

/** What was given on a command line. */
export interface Given<R extends Rows> {
  readonly options: Chosen<R>
  readonly argument: string | undefined
  /** All of them, where there may be many. */
  readonly arguments: readonly string[]
  /** The names of the options, in the order in which they were given. */
  readonly order: readonly (keyof R & string)[]
}

/**
 * Reads a command line. Throws `Failure` for an option that is not there (naming those that come near), for values that
 * are missing or bad, and for options that contradict each other. Returns the help text when that was asked for.
 */
export const parseOptions = <R extends Rows>(usage: Usage<R>, args: readonly string[]): Given<R> | string => {
  const command = commandOf(usage)
  const order: string[] = []
  try {
    command.parse(doubled(usage, args, order), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return command.helpInformation()
    throw new Failure(explained(usage, error))
  }
  return { options: command.opts() as Chosen<R>, argument: command.args[0], arguments: command.args, order }
}

const commandOf = (usage: Usage<Rows>): Command => {
  const command = new Command(usage.name)
    .description(usage.summary)
    .helpOption('--help', 'shows this')
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} })
    .configureHelp({
      commandUsage: () => `typetls ${usage.name} ${usage.argument ? `[${usage.argument.value}] ` : ''}[options]`,
      optionTerm: (option) => single(option.flags),
    })
  if (usage.argument)
    command.argument(`[${usage.argument.value}${usage.argument.many ? '...' : ''}]`, usage.argument.help)
  for (const [name, { value, help, parse, against, many }] of Object.entries(usage.rows)) {
    const option = new Option(value === undefined ? `--${name}` : `--${name} <${value}>`, help)
    // a "no-" in front is part of a name here, and negates no other option
    option.negate = false
    option.attributeName = () => name
    if (parse) {
      option.argParser((given: string, before: unknown) => {
        const now = checked(name, value as string, given, parse)
        return many && Array.isArray(before) ? [...before, ...(now as readonly unknown[])] : now
      })
    }
    if (against) option.conflicts([...against])
    command.addOption(option)
  }
  return command.allowExcessArguments(false)
}

const checked = <T>(name: string, value: string, given: string, parse: (text: string) => T): T => {
  try {
    return parse(given)
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    throw new InvalidArgumentError(`-${name} takes ${value}: ${error.message}, and not "${given}"`)
  }
}

/** The parser knows long options by two dashes. A value is bound to its option here, so that it may begin with a dash. */
const doubled = ({ name: command, rows }: Usage<Rows>, args: readonly string[], order: string[]): string[] => {
  const known = (arg: string): string | undefined => {
    const name = /^--?(.+)$/.exec(arg)?.[1]
    return name !== undefined && Object.hasOwn(rows, name) ? name : undefined
  }
  const out: string[] = []
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string
    const name = known(arg)
    const value = name === undefined ? undefined : rows[name]?.value
    if (name !== undefined) order.push(name)
    if (value !== undefined) {
      const given = args[++at]
      if (given === undefined || known(given) !== undefined) {
        throw new Failure(`${command}: -${name} needs a value after it, ${value}`)
      }
      out.push(`--${name}=${given}`)
    } else if (arg === '-h') out.push('--help')
    else out.push(arg.replace(/^-(?=[^-])/, '--'))
  }
  return out
}

const single = (flags: string): string => flags.replaceAll('--', '-')

const explained = ({ name, argument }: Usage<Rows>, error: CommanderError): string => {
  const said = single(error.message)
  switch (error.code) {
    case 'commander.unknownOption': {
      const unknown = /'(-[^']*)'/.exec(said)?.[1] ?? 'of that name'
      const near = /Did you mean (?:one of )?(.+)\?/.exec(said)?.[1]?.replace(/, (?=[^,]*$)/, ' or ')
      const hint = near === undefined ? '' : ` did you mean ${near}?`
      return `${name} has no option ${unknown};${hint} "typetls ${name} -help" lists all`
    }
    case 'commander.invalidArgument':
      return `${name}: ${/ is invalid\. (.*)$/s.exec(said)?.[1] ?? said}`
    case 'commander.conflictingOption': {
      const [one, other] = [...said.matchAll(/'(-\w+)[^']*'/g)].map((match) => match[1])
      return `${name}: ${one} and ${other} contradict each other; choose one of them`
    }
    case 'commander.excessArguments':
      return argument
        ? `${name} takes one ${argument.value}; write what belongs to an option right after it`
        : `${name} takes options only, each with a dash; "typetls ${name} -help" lists them`
    default:
      return `${name}: ${said}`
  }
}
