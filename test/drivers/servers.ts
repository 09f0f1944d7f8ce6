import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Authority, type Made } from '../authority.ts'
import { freePort } from '../free-port.ts'

/** The real servers that drivers are tried against, each with TLS and a demand for client certificates. */

export interface Certificates {
  readonly ca: string
  readonly server: Made
  readonly client: Made
  readonly expired: Made
  /** An authority that signed none of these. */
  readonly otherCa: string
}

export const certificates = async (): Promise<Certificates> => {
  const [authority, other] = [await Authority.make('drivers'), await Authority.make('somebody else')]
  return {
    ca: authority.ca,
    server: await authority.leaf(['localhost', '127.0.0.1']),
    client: await authority.leaf(['client']),
    expired: await authority.expired(['client']),
    otherCa: other.ca,
  }
}

export interface Running {
  readonly port: number
  stop(): Promise<void>
}

const folders = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin']
const postgresFolders = (): string[] =>
  existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
    : []
/** Where a program is; undefined where it is not. */
const found = (...names: readonly string[]): string | undefined =>
  names
    .flatMap((name) =>
      [...(process.env['PATH'] ?? '').split(':'), ...folders, ...postgresFolders()].map((folder) => join(folder, name)),
    )
    .find((path) => existsSync(path))

const programs = {
  initdb: found('initdb'),
  pgIsReady: found('pg_isready'),
  postgres: found('postgres'),
  mariadbd: found('mariadbd', 'mysqld'),
  installDb: found('mariadb-install-db'),
  redis: found('redis-server', 'valkey-server'),
  mosquitto: found('mosquitto'),
}

/** Why a server cannot be tried here, or false. */
export const absent = {
  postgres: programs.initdb && programs.postgres && programs.pgIsReady ? false : 'PostgreSQL is not installed here',
  mariadb: programs.mariadbd && programs.installDb ? false : 'MariaDB is not installed here',
  redis: programs.redis ? false : 'Redis is not installed here',
  mosquitto: programs.mosquitto ? false : 'Mosquitto is not installed here',
} as const

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

const root = process.getuid?.() === 0

/** A folder with the certificates in files, which belongs to the user that the server runs as. */
const folderFor = ({ ca, server }: Certificates, user: string | undefined): string => {
  const folder = mkdtempSync(join(tmpdir(), 'typetls-driver-'))
  for (const [name, text] of Object.entries({ ca, cert: server.cert, key: server.key })) {
    writeFileSync(join(folder, `${name}.pem`), text)
    chmodSync(join(folder, `${name}.pem`), 0o600)
  }
  mkdirSync(join(folder, 'data'))
  chmodSync(join(folder, 'data'), 0o700)
  if (root && user) spawnSync('chown', ['-R', user, folder])
  return folder
}

/** Some servers will not run as root. */
const asUser = (user: string, command: string, args: readonly string[]): [string, string[]] =>
  root ? ['setpriv', [`--reuid=${user}`, '--init-groups', '--regid', user, command, ...args]] : [command, [...args]]

const PATIENCE = 90_000
const started = async (child: ChildProcess, port: number, folder: string): Promise<Running> => {
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => (said = `${said}${data}`.slice(-4000)))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await once(child, 'exit')
      clearTimeout(timer)
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const until = Date.now() + PATIENCE
  while (!(await listens(port))) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop()
      throw new Error(`the server did not start:\n${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { port, stop }
}

const run = (command: string, args: readonly string[]): void => {
  const { status, stderr, stdout, error } = spawnSync(command, args, { encoding: 'utf8', cwd: tmpdir() })
  if (status !== 0) throw new Error(`${command} failed: ${error ?? ''}${stdout}${stderr}`)
}

/** The user `me` has the password `secret`, by SCRAM and with a certificate of our CA. */
export const startPostgres = async (made: Certificates): Promise<Running> => {
  const folder = folderFor(made, 'postgres')
  const port = await freePort()
  writeFileSync(join(folder, 'password'), 'secret\n')
  chmodSync(join(folder, 'password'), 0o644)
  const data = join(folder, 'data')
  const init = ['-D', data, '-U', 'me', '--no-sync', '--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`]
  run(...asUser('postgres', programs.initdb as string, init))
  writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n')
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    ssl: 'on',
    ssl_cert_file: join(folder, 'cert.pem'),
    ssl_key_file: join(folder, 'key.pem'),
    ssl_ca_file: join(folder, 'ca.pem'),
    fsync: 'off',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(...asUser('postgres', programs.postgres as string, ['-D', data, ...flags]), { cwd: tmpdir() })
  const running = await started(child, port, folder)
  // it listens before it lets anybody in
  for (let tries = 0; tries < 600; tries++) {
    if (spawnSync(programs.pgIsReady as string, ['-q', '-h', '127.0.0.1', '-p', String(port)]).status === 0) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return running
}

/** The user `me` has the password `secret` and a certificate. */
export const startMariadb = async (made: Certificates): Promise<Running> => {
  const folder = folderFor(made, 'mysql')
  const port = await freePort()
  const [data, init] = [join(folder, 'data'), join(folder, 'init.sql')]
  writeFileSync(init, "CREATE USER 'me'@'%' IDENTIFIED BY 'secret' REQUIRE X509;\n")
  chmodSync(init, 0o644)
  const user = root ? ['--user=mysql'] : []
  run(programs.installDb as string, [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...user,
  ])
  const flags = [
    '--no-defaults',
    ...user,
    `--datadir=${data}`,
    `--socket=${join(folder, 'socket')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--ssl-cert=${join(folder, 'cert.pem')}`,
    `--ssl-key=${join(folder, 'key.pem')}`,
    `--ssl-ca=${join(folder, 'ca.pem')}`,
    `--init-file=${init}`,
    '--skip-networking=0',
    '--innodb-flush-log-at-trx-commit=0',
    `--pid-file=${join(folder, 'pid')}`,
  ]
  return started(spawn(programs.mariadbd as string, flags, { cwd: tmpdir() }), port, folder)
}

export const startRedis = async (made: Certificates): Promise<Running> => {
  const folder = folderFor(made, undefined)
  const port = await freePort()
  const flags = {
    port: '0',
    'tls-port': String(port),
    bind: '127.0.0.1',
    save: '',
    dir: folder,
    'tls-cert-file': join(folder, 'cert.pem'),
    'tls-key-file': join(folder, 'key.pem'),
    'tls-ca-cert-file': join(folder, 'ca.pem'),
    'tls-auth-clients': 'yes',
  }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  return started(spawn(programs.redis as string, args), port, folder)
}

export const startMosquitto = async (made: Certificates): Promise<Running> => {
  const folder = folderFor(made, 'mosquitto')
  const port = await freePort()
  const file = join(folder, 'mosquitto.conf')
  writeFileSync(
    file,
    [
      `listener ${port} 127.0.0.1`,
      `cafile ${join(folder, 'ca.pem')}`,
      `certfile ${join(folder, 'cert.pem')}`,
      `keyfile ${join(folder, 'key.pem')}`,
      'require_certificate true',
      'allow_anonymous true',
      'persistence false',
    ].join('\n'),
  )
  chmodSync(file, 0o644)
  return started(spawn(programs.mosquitto as string, ['-c', file]), port, folder)
}
