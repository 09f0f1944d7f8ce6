import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from './failure.ts'
import { BadValue, choice, flag, number, parseOptions, parsePlace, row, text, texts, type Usage } from './options.ts'

const rows = {
  connect: row('host:port', 'where to', (given) => parsePlace(given, 'host', '4433')),
  accept: row('port', 'where at', (given) => parsePlace(given, 'port', '4433')),
  pass: text('source', 'a password'),
  verify: number('depth', 'how deep', 0, 100),
  starttls: choice('protocol', 'first', ['smtp', 'imap'] as const),
  quiet: flag('says less'),
  tls1_2: flag('this version', 'tls1_3'),
  tls1_3: flag('this version', 'tls1_2'),
  Verify: number('depth', 'how deep, surely', 0, 100),
}
const usage: Usage<typeof rows> = { name: 's_test', summary: 'tests', rows }
const parse = (...args: string[]): unknown => {
  const given = parseOptions(usage, args)
  return typeof given === 'string' ? given : { ...given.options }
}

describe('options', () => {
  const good: readonly (readonly [args: string, chosen: unknown])[] = [
    ['', {}],
    ['-quiet', { quiet: true }],
    ['--quiet', { quiet: true }],
    ['-connect example.com:443', { connect: { host: 'example.com', port: '443' } }],
    ['-connect [::1]:443', { connect: { host: '::1', port: '443' } }],
    ['-connect [2001:db8::7]', { connect: { host: '2001:db8::7', port: '4433' } }],
    ['-connect example.com', { connect: { host: 'example.com', port: '4433' } }],
    ['-connect :8443', { connect: { host: undefined, port: '8443' } }],
    ['-connect example.com:https', { connect: { host: 'example.com', port: 'https' } }],
    ['-accept 0', { accept: { host: undefined, port: '0' } }],
    ['-accept *:443', { accept: { host: undefined, port: '443' } }],
    ['-accept 127.0.0.1:0', { accept: { host: '127.0.0.1', port: '0' } }],
    ['-verify 3 -Verify 4', { verify: 3, Verify: 4 }],
    ['-verify 3 -verify 5', { verify: 5 }],
    ['-pass -pass:x', { pass: '-pass:x' }],
    ['-pass --', { pass: '--' }],
    ['-starttls imap -tls1_2', { starttls: 'imap', tls1_2: true }],
  ]
  for (const [args, chosen] of good) {
    it(`takes "${args}"`, () => assert.deepEqual(parse(...args.split(' ').filter(Boolean)), chosen))
  }

  it('takes an empty value', () => assert.deepEqual(parse('-pass', ''), { pass: '' }))

  const bad: readonly (readonly [args: string, says: RegExp])[] = [
    ['-quite', /^s_test has no option -quite; did you mean -quiet\?/],
    ['-tls1_1', /^s_test has no option -tls1_1; did you mean -tls1_2 or -tls1_3\?/],
    ['--conect x:1', /no option --?conect; did you mean -connect\?/],
    ['-xyzzy', /^s_test has no option -xyzzy; "typetls s_test -help" lists all/],
    ['-constructor', /has no option -constructor/],
    ['-connect', /^s_test: -connect needs a value after it, host:port/],
    ['-connect -quiet', /^s_test: -connect needs a value after it/],
    ['-connect a:b:c', /^s_test: -connect takes host:port: .*not "a:b:c"/],
    ['-connect ::1:443', /brackets/],
    ['-connect x:99999', /a port from 0 to 65535/],
    ['-verify x', /^s_test: -verify takes depth: a number from 0 to 100, and not "x"/],
    ['-verify 101', /a number from 0 to 100/],
    ['-verify -1', /a number from 0 to 100/],
    ['-starttls nntp', /^s_test: -starttls takes protocol: one of smtp, imap, and not "nntp"/],
    ['-tls1_2 -tls1_3', /^s_test: -tls1_\d and -tls1_\d contradict each other/],
    ['-quiet=yes', /s_test/],
    ['somewhere', /^s_test takes options only/],
  ]
  for (const [args, says] of bad) {
    it(`refuses "${args}"`, () =>
      assert.throws(
        () => parse(...args.split(' ')),
        (error: Error) => error instanceof Failure && says.test(error.message),
      ))
  }

  it('shows every option with one dash', () => {
    for (const ask of ['-help', '--help', '-h']) {
      const help = parse(ask) as string
      for (const name of Object.keys(rows)) assert.match(help, new RegExp(`^ +-${name}\\b`, 'm'))
      assert.doesNotMatch(help, /--/)
    }
  })

  it('takes one argument where the command has one', () => {
    const demo = {
      name: 'demo',
      summary: '',
      argument: { value: 'host:port', help: '' },
      rows: { CAfile: text('file', '') },
    }
    assert.deepEqual(parseOptions(demo, ['a:1', '-CAfile', 'x']), {
      options: { CAfile: 'x' },
      argument: 'a:1',
      arguments: ['a:1'],
      order: ['CAfile'],
    })
    assert.throws(() => parseOptions(demo, ['a:1', 'b:2']), /takes one host:port/)
  })

  it('takes many where there may be many, and tells the order', () => {
    const usage = {
      name: 'many',
      summary: '',
      argument: { value: 'file', help: '', many: true },
      rows: { CAfile: texts('file', ''), noout: flag('') },
    } as const
    assert.deepEqual(parseOptions(usage, ['-CAfile', 'x', 'a', '-noout', '-CAfile', 'y', 'b']), {
      options: { CAfile: ['x', 'y'], noout: true },
      argument: 'a',
      arguments: ['a', 'b'],
      order: ['CAfile', 'noout', 'CAfile'],
    })
  })

  it('says what a place must look like', () => assert.throws(() => parsePlace('', 'host', '1'), BadValue))
})
