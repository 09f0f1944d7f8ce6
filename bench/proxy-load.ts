/**
 * The clients of `npm run bench:proxy`, in a process of their own, by node:tls: who is measured must not be measured with
 * himself. Told by one argument (JSON), it prints one line of JSON.
 */
import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'

export interface Load {
  readonly port: number
  /** A file with the certificate to trust. */
  readonly ca: string
  /** `full`, `resumed`: connections a second; `bulk`: MB a second; `idle`: holds so many connections until stdin ends. */
  readonly kind: 'full' | 'resumed' | 'bulk' | 'idle'
  readonly seconds: number
  /** Connections at the same time. */
  readonly busy: number
}

const load = JSON.parse(process.argv[2] as string) as Load
const ca = readFileSync(load.ca)
const options = { port: load.port, host: '127.0.0.1', servername: 'localhost', ca, minVersion: 'TLSv1.3' as const }

/** One connection that asks and is answered; gives a ticket to come back with. */
const ask = (session?: Buffer): Promise<{ session: Buffer | undefined; reused: boolean }> =>
  new Promise((resolve, reject) => {
    let ticket: Buffer | undefined
    const socket = connect({ ...options, ...(session && { session }) })
    socket.on('session', (fresh: Buffer) => {
      ticket = fresh
    })
    socket.on('secureConnect', () => socket.write('?'))
    socket.on('error', reject)
    socket.once('data', () => {
      const reused = socket.isSessionReused()
      socket.destroy()
      resolve({ session: ticket, reused })
    })
  })

const rate = async (resumes: boolean): Promise<number> => {
  let done = 0
  let reused = 0
  const over = performance.now() + load.seconds * 1000
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: load.busy }, async () => {
      let session = resumes ? (await ask()).session : undefined
      while (performance.now() < over) {
        const answer = await ask(session)
        done++
        if (answer.reused) reused++
        if (resumes) session = answer.session ?? session
      }
    }),
  )
  if (resumes && reused < done * 0.9) throw new Error(`only ${reused} of ${done} were resumed`)
  return (done * 1000) / (performance.now() - begun)
}

/** The backend answers "!" with data without end. */
const bulk = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(options, () => socket.write('!'))
    let bytes = 0
    let begun = 0
    socket.on('error', reject)
    socket.on('data', (data) => {
      if (begun === 0) begun = performance.now()
      bytes += data.length
      const took = performance.now() - begun
      if (took < load.seconds * 1000) return
      socket.destroy()
      resolve(bytes / 1e6 / (took / 1000))
    })
  })

const idle = async (): Promise<number> => {
  for (let i = 0; i < load.busy; i++)
    await new Promise<void>((resolve, reject) => {
      const socket = connect(options, () => socket.write('?'))
      socket.on('error', reject)
      socket.once('data', () => resolve())
    })
  return load.busy
}

const value =
  load.kind === 'bulk' ? await bulk() : load.kind === 'idle' ? await idle() : await rate(load.kind === 'resumed')
console.log(JSON.stringify({ value }))
if (load.kind === 'idle') process.stdin.resume().on('end', () => process.exit())
else process.exit()
