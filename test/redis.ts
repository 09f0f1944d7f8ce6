import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

/** The server of Redis or Valkey on this machine; undefined where there is none. */
export const redisServer = ['redis-server', 'valkey-server'].find((name) => !spawnSync(name, ['--version']).error)

export interface Redis {
  readonly port: number
  readonly url: string
  /** Kills it, as a power cut would. */
  kill(): Promise<void>
  /** Starts it again on the same port; what it had not saved is gone. */
  start(...args: string[]): Promise<void>
  /** Kills it and removes what it wrote. */
  remove(): Promise<void>
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('data', (data) => {
      socket.destroy()
      resolve(data.toString().startsWith('+PONG'))
    })
    socket.write('PING\r\n')
  })

/** A server on a free port of 127.0.0.1 that keeps nothing on disk unless it is told to. */
export const startRedis = async (...args: string[]): Promise<Redis> => {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'typetls-redis-'))
  let child: ChildProcess | undefined
  const start = async (...more: string[]): Promise<void> => {
    const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', dir, ...args, ...more]
    child = spawn(redisServer as string, flags, { stdio: 'ignore' })
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries > 200 || child.exitCode !== null) throw new Error('redis-server does not start')
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    async remove() {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
