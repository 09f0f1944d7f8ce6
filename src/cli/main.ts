#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { demo } from './demo.ts'
import { devCa } from './dev-ca.ts'
import { Failure, sentence } from './failure.ts'
import { TlsFailure } from './link.ts'
import { proxy } from './proxy.ts'
import { req } from './req.ts'
import { sClient } from './s_client.ts'
import { sServer } from './s_server.ts'
import { hasColors, type Io, put } from './terminal.ts'
import { verify } from './verify.ts'
import { x509 } from './x509.ts'

type Command = (io: Io, args: readonly string[]) => Promise<number>
const commands: Readonly<Record<string, Command>> = {
  demo,
  s_client: sClient,
  s_server: sServer,
  verify,
  x509,
  req,
  'dev-ca': devCa,
  proxy,
}

const HELP = `typetls: TLS 1.3 and 1.2 in TypeScript

  typetls [demo] [host:port] [-CAfile file]   shows a handshake, of our own client and server or with the server there
  typetls s_client [options]                  connects to a TLS server, as OpenSSL's s_client does
  typetls s_server [options]                  serves TLS, as OpenSSL's s_server does
  typetls verify [options] [file...]          verifies certificates, as OpenSSL's verify does, and explains refusals
  typetls x509 [options]                      shows, checks and converts a certificate, as OpenSSL's x509 does
  typetls req [options]                       makes keys, requests and certificates, as OpenSSL's req does
  typetls dev-ca folder name...               makes a CA for development, and a server certificate for these names
  typetls proxy [options]                     ends TLS in front of a backend, alone or as one of a fleet

"typetls COMMAND -help" lists the options of a command.
`

/** Runs a command line (without the program's name), and gives the exit code. */
export const main = async (args: readonly string[], io: Io): Promise<number> => {
  const [first = 'demo', ...rest] = args
  try {
    if (/^(-h|--?help|help)$/.test(first)) {
      await put(io.stdout, HELP)
      return 0
    }
    if (Object.hasOwn(commands, first)) return await (commands[first] as Command)(io, rest)
    // a place to connect to, or an option of the demonstration
    if (/^-|[:.]|^localhost$/.test(first)) return await demo(io, args)
    throw new Failure(`there is no command "${first}"; there are ${Object.keys(commands).join(', ')}`)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const codes = error instanceof TlsFailure ? error.codes : []
    await put(io.stderr, `${[`typetls: ${sentence(error)}`, ...codes].join('\n')}\n`)
    return 1
  }
}

const terminal = (): Io => ({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  colors: hasColors(process.stdout, process.env),
  interrupted() {
    const controller = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
    return controller.signal
  },
})

const started = process.argv[1]
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url)) {
  // a reader that has gone, as "head" does, is no fault
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  process.exitCode = await main(process.argv.slice(2), terminal())
  process.stdin.destroy() // it would keep the process waiting for more
}
