import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Materials, Part, Peer, Settings, Transcript } from '../contract.ts'
import { connections, firstChunk, preShared } from '../contract.ts'
import { Child, lastWords, versionOf } from '../process.ts'
import { groupNamed, suiteNamed } from '../suites.ts'
import { readTrace } from '../trace.ts'

/** `openssl s_client` and `openssl s_server`; what they saw is read from `-trace`. */
export const openssl = (materials: Materials): Peer => ({
  name: 'openssl',
  find: () => versionOf('openssl', ['version'], /^OpenSSL \S+/),
  can: { psk: ['client', 'server'], earlyData: ['client', 'server'] },
  cannot: () => undefined,
  // s_server ends a connection properly only after it has sent a file
  style: (s, part) =>
    part === 'server' && s.closes === 'server' ? `get /${basename(materials.payload(s.bytes).file)}` : 'echo',

  async serve(s, style) {
    const trace = traceFile(materials)
    const clientAuth = ['-CAfile', materials.ca, '-Verify', '1', '-verify_return_error']
    const child = new Child(
      'stdbuf', // else its answers to commands stay in its buffer
      [
        ...[
          '-oL',
          'openssl',
          's_server',
          '-accept',
          '127.0.0.1:0',
          '-naccept',
          `${connections(s)}`,
          '-trace',
          '-msgfile',
          trace,
        ],
        ...common(s, materials, 'server'),
        ...(s.clientCertificate ? clientAuth : []),
        ...(style !== 'echo' ? ['-WWW'] : []),
        ...(s.earlyData ? ['-early_data'] : []),
      ],
      { cwd: materials.dir },
    )
    const port = Number((await child.waitFor(/^ACCEPT .*:(\d+)$/m))[1])
    let echoed = 0
    const back = async (payload: string): Promise<void> => {
      if (s.keyUpdate === 'server' && echoed === 0) {
        child.write('K\n')
        await child.waitFor(/SSL_do_handshake -> 1/)
      }
      echoed += payload.length
      child.write(payload)
    }
    let echo = Promise.resolve()
    if (style === 'echo')
      onPayload(child, (payload) => {
        echo = echo.then(() => back(payload))
        echo.catch(() => {}) // told by `next`
      })
    let ended = 0
    return {
      port,
      async next() {
        ended++
        if (ended < connections(s)) {
          await child.waitFor(new RegExp(`(DONE\n[^]*){${ended}}`))
          return {}
        }
        await child.exited
        await echo
        if (/^ERROR$/m.test(child.out)) throw new Error(lastWords(child.err))
        const text = readFileSync(trace, 'latin1')
        const last = s.resume ? text.lastIndexOf('Received Record', text.lastIndexOf(' ClientHello, ')) : 0
        const bytes = style === 'echo' ? echoed / connections(s) : s.bytes
        return { ...readTrace(text.slice(last), 'server'), bytes }
      },
      close: async () => child.kill(),
    }
  },

  async connect(s, _style, port) {
    const payload = materials.payload(s.bytes).bytes
    const session = join(materials.dir, 'openssl.session')
    let seen: Transcript = {}
    for (let i = 0; i < connections(s); i++) {
      const trace = traceFile(materials)
      const child = new Child('openssl', [
        ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-quiet', '-no_ign_eof'],
        ...(s.psk ? [] : ['-CAfile', materials.ca, '-verify_return_error', '-verify_hostname', 'localhost']),
        ...['-trace', '-msgfile', trace, ...common(s, materials, 'client')],
        ...(s.resume ? [i === 0 ? '-sess_out' : '-sess_in', session] : []),
        ...(s.earlyData && i > 0 ? ['-early_data', materials.payload(s.bytes).file] : []),
      ])
      await talk(child, s, payload, s.earlyData === true && i > 0)
      const code = await child.exited
      if (code !== 0) throw new Error(`s_client ended with ${code}: ${lastWords(child.err)}`)
      seen = { ...readTrace(readFileSync(trace, 'latin1'), 'client'), bytes: payload.length }
    }
    return seen
  },
})

let traces = 0
const traceFile = (materials: Materials): string => join(materials.dir, `openssl-${++traces}.trace`)

const common = (s: Settings, materials: Materials, part: Part): string[] => {
  const kind = part === 'server' ? s.certificate : s.clientCertificate
  const groups = part === 'server' ? s.serverGroups : s.clientGroups
  return [
    s.version === '1.3' ? '-tls1_3' : '-tls1_2',
    ...(s.psk ? ['-psk', preShared.key, '-psk_identity', preShared.identity] : []),
    ...(s.psk && part === 'server' ? ['-nocert'] : []),
    ...(kind && !s.psk ? ['-cert', materials.leaf(kind).certificate, '-key', materials.leaf(kind).key] : []),
    ...(s.suite ? [s.version === '1.3' ? '-ciphersuites' : '-cipher', suiteNamed(s.suite).openssl] : []),
    ...(groups ? ['-groups', groups.map((g) => groupNamed(g).openssl).join(':')] : []),
    ...(s.alpn ? ['-alpn', s.alpn] : []),
    ...(s.resume === 'id' ? ['-no_ticket'] : []),
  ]
}

/** s_client's half: its stdout has nothing but what the server sent. */
const talk = async (child: Child, s: Settings, payload: Uint8Array, said: boolean): Promise<void> => {
  const exchange = async (from: number, to: number): Promise<void> => {
    if (!said) child.write(payload.subarray(from, to))
    await child.until(() => child.out.length >= to)
  }
  await exchange(0, Math.min(firstChunk, payload.length))
  if (s.keyUpdate === 'client') {
    child.write('K\n')
    await child.waitFor(/KEYUPDATE/)
  }
  if (payload.length > firstChunk) await exchange(firstChunk, payload.length)
  if (child.out !== Buffer.from(payload).toString('latin1')) throw new Error('the payload came back changed')
  if (s.closes === 'client') child.endInput()
}

/**
 * Hands on what the client sent. s_server prints it among lines of its own; those have letters, and the payload has none.
 */
const onPayload = (child: Child, listen: (payload: string) => void): void => {
  const header = /^[^]*Secure Renegotiation IS (?:NOT )?supported\n/
  let text = ''
  let open = false
  child.onOutput((piece) => {
    text += piece
    // said before the handshake is over, in a frame of its own
    const early = /Early data received:\n([^]*?)\nEnd of early data\n/.exec(text)
    if (early) {
      text = text.replace(early[0], '')
      listen(early[1]!)
    }
    if (!open && header.test(text)) {
      text = text.replace(header, '')
      open = true
    }
    if (!open) return
    open = !/DONE\n/.test(text)
    const [payload, rest] = open ? splitNoise(text) : ['', '']
    text = rest
    if (payload) listen(payload)
  })
}

/** The payload in a text, and an unfinished line of s_server's at its end. */
const splitNoise = (text: string): [payload: string, rest: string] => {
  const clean = text.replace(/[A-Za-z][^\n]*\n/g, '')
  const at = clean.search(/[A-Za-z]/)
  return at < 0 ? [clean, ''] : [clean.slice(0, at), clean.slice(at)]
}
