import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { beforeEach, type TestContext, test } from 'node:test'
import * as ssl from './index.ts'
import { errnos } from './platform.ts'

beforeEach(() => ssl.ERR_clear_error())

const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const special = (bio: ssl.BIO): [number, number, number] => [
  ssl.BIO_should_retry(bio),
  ssl.BIO_should_io_special(bio),
  ssl.BIO_get_retry_reason(bio),
]
const entries = (): [lib: number, reason: number, data: string][] => {
  const all: [number, number, string][] = []
  for (let entry = ssl.ERR_get_error_all(); entry.code !== 0; entry = ssl.ERR_get_error_all()) {
    all.push([ssl.ERR_GET_LIB(entry.code), ssl.ERR_GET_REASON(entry.code), entry.data])
  }
  return all
}
const awaited = async (bio: ssl.BIO): Promise<string> => {
  const buf = new Uint8Array(100)
  for (;;) {
    const n = ssl.BIO_read(bio, buf)
    if (n >= 0) return text(buf.subarray(0, n))
    assert.equal(ssl.BIO_should_retry(bio), 1)
    await ssl.BIO_wait(bio, 'read')
  }
}
/** A port on which nobody listens. */
const closedPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
/** An accept BIO that is bound. */
const listening = async (t: TestContext): Promise<ssl.BIO> => {
  const bio = ssl.BIO_new_accept('127.0.0.1:0')!
  t.after(() => ssl.BIO_free_all(bio))
  assert.equal(ssl.BIO_set_nbio_accept(bio, 1), 1)
  while (ssl.BIO_do_accept(bio) <= 0) {
    assert.equal(ssl.BIO_should_retry(bio), 1)
    await ssl.BIO_wait(bio, 'accept')
  }
  return bio
}
const connecting = (t: TestContext, hostport: string): ssl.BIO => {
  const bio = ssl.BIO_new_connect(hostport)!
  t.after(() => ssl.BIO_free(bio))
  assert.equal(ssl.BIO_set_nbio(bio, 1), 1)
  return bio
}

test('Q1: connecting without a host', () => {
  const bio = ssl.BIO_new(ssl.BIO_s_connect())!
  assert.equal(ssl.BIO_do_connect(bio), -1)
  assert.deepEqual(entries(), [[32, 144, 'hostname=<NULL> service=<NULL>']])
  assert.deepEqual([ssl.BIO_method_type(bio), ssl.BIO_method_name(bio)], [0x50c, 'socket connect'])
  assert.equal(ssl.BIO_read(bio, new Uint8Array(1)), -2)
})

test('Q8: accepting without an address', () => {
  const bio = ssl.BIO_new(ssl.BIO_s_accept())!
  assert.equal(ssl.BIO_do_accept(bio), -1)
  assert.deepEqual(entries(), [[32, 143, 'hostname=<NULL> service=<NULL>']])
  assert.deepEqual([ssl.BIO_method_type(bio), ssl.BIO_method_name(bio)], [0x50d, 'socket accept'])
})

test('Q3b: a connection that is refused', async (t) => {
  const port = await closedPort()
  const bio = connecting(t, `127.0.0.1:${port}`)
  assert.equal(ssl.BIO_do_connect(bio), 0)
  assert.deepEqual(special(bio), [1, 1, ssl.BIO_RR_CONNECT])
  await ssl.BIO_wait(bio, 'connect')
  assert.equal(ssl.BIO_do_connect(bio), 0)
  assert.deepEqual(special(bio), [0, 0, 0])
  const said = [
    [2, errnos['ECONNREFUSED'], `hostname=127.0.0.1 service=${port}`],
    [32, 110, ''],
  ]
  assert.deepEqual(entries(), said)
  assert.equal(ssl.BIO_read(bio, new Uint8Array(1)), 0, 'and it stays so')
  assert.deepEqual(entries(), said)
  assert.equal(ssl.BIO_reset(bio), 0)
  assert.equal(ssl.BIO_do_connect(bio), 0)
  assert.equal(ssl.BIO_should_retry(bio), 1, 'a reset begins anew')
})

test('Q4 Q5 Q5b Q6 Q6b Q7 Q7c: connecting and accepting', async (t) => {
  const listener = await listening(t)
  assert.equal(ssl.BIO_get_accept_name(listener), '127.0.0.1', 'Q6')
  const port = ssl.BIO_get_accept_port(listener)!
  assert.ok(Number(port) > 0)
  assert.equal(ssl.BIO_do_accept(listener), -1, 'Q6b')
  assert.deepEqual(special(listener), [1, 1, ssl.BIO_RR_ACCEPT])
  assert.equal(ssl.BIO_read(listener, new Uint8Array(1)), -1, 'Q7')
  assert.deepEqual(special(listener), [1, 1, ssl.BIO_RR_ACCEPT])

  const client = connecting(t, `127.0.0.1:${port}`)
  assert.deepEqual([ssl.BIO_get_conn_hostname(client), ssl.BIO_get_conn_port(client)], ['127.0.0.1', port])
  assert.equal(ssl.BIO_do_connect(client), 0, 'Q4')
  assert.deepEqual(special(client), [1, 1, ssl.BIO_RR_CONNECT])
  assert.equal(ssl.BIO_write(client, new Uint8Array(1)), 0, 'Q5')
  assert.deepEqual(special(client), [1, 1, ssl.BIO_RR_CONNECT])
  await ssl.BIO_wait(client, ssl.BIO_wanted(client)!)
  assert.equal(ssl.BIO_do_connect(client), 1, 'Q5b')
  assert.ok(ssl.BIO_get_fd(client) > 2)
  assert.equal(ssl.BIO_puts(client, 'hello'), 5)

  await ssl.BIO_wait(listener, ssl.BIO_wanted(listener)!)
  assert.equal(ssl.BIO_do_accept(listener), 1)
  assert.equal(ssl.BIO_do_accept(listener), 1, 'still the one that nobody took')
  assert.equal(ssl.BIO_get_peer_name(listener), '127.0.0.1')
  assert.ok(Number(ssl.BIO_get_peer_port(listener)) > 0)
  assert.equal(await awaited(listener), 'hello', 'through the accept BIO')
  const accepted = ssl.BIO_pop(listener)!
  assert.equal(ssl.BIO_method_type(accepted), ssl.BIO_TYPE_SOCKET)
  assert.equal(ssl.BIO_puts(accepted, 'world'), 5)
  assert.equal(await awaited(client), 'world')
  assert.equal(ssl.BIO_do_accept(listener), -1, 'ready for the next one')
  ssl.BIO_free(accepted)
  assert.equal(await awaited(client), '', 'Q7c')
  assert.equal(ssl.BIO_eof(client), 1)
})

test('connections that came early wait, unread, until they are taken; a chain goes in front', async (t) => {
  const listener = await listening(t)
  const filters = ssl.BIO_new(ssl.BIO_f_buffer())!
  assert.equal(ssl.BIO_set_accept_bios(listener, filters), 1)
  const clients = [1, 2, 3].map(() => connecting(t, `127.0.0.1:${ssl.BIO_get_accept_port(listener)}`))
  for (const [at, client] of clients.entries()) {
    while (ssl.BIO_do_connect(client) <= 0) await ssl.BIO_wait(client, 'connect')
    ssl.BIO_puts(client, `client ${at}\n`)
  }
  const lines: string[] = []
  while (lines.length < clients.length) {
    while (ssl.BIO_do_accept(listener) <= 0) await ssl.BIO_wait(listener, 'accept')
    const chain = ssl.BIO_pop(listener)!
    assert.equal(ssl.BIO_method_type(chain), ssl.BIO_TYPE_BUFFER)
    const line = new Uint8Array(20)
    let n = ssl.BIO_gets(chain, line)
    while (n < 0) {
      await ssl.BIO_wait(chain, 'read')
      n = ssl.BIO_gets(chain, line)
    }
    lines.push(text(line.subarray(0, n)))
    ssl.BIO_free_all(chain)
  }
  assert.deepEqual(lines.sort(), ['client 0\n', 'client 1\n', 'client 2\n'])
})

test('freeing a listener closes it and what nobody took', async (t) => {
  const listener = ssl.BIO_new_accept('127.0.0.1:0')!
  ssl.BIO_set_nbio_accept(listener, 1)
  while (ssl.BIO_do_accept(listener) <= 0) await ssl.BIO_wait(listener, 'accept')
  const client = connecting(t, `127.0.0.1:${ssl.BIO_get_accept_port(listener)}`)
  ssl.BIO_do_connect(client)
  await ssl.BIO_wait(listener, 'accept')
  ssl.BIO_free(listener)
  while (ssl.BIO_do_connect(client) <= 0) await ssl.BIO_wait(client, 'connect')
  assert.equal(await awaited(client), '')
})

test('a port that is taken', async (t) => {
  const first = await listening(t)
  const port = ssl.BIO_get_accept_port(first)!
  const second = ssl.BIO_new_accept(`127.0.0.1:${port}`)!
  t.after(() => ssl.BIO_free(second))
  ssl.BIO_set_nbio_accept(second, 1)
  assert.equal(ssl.BIO_do_accept(second), -1)
  if (ssl.BIO_should_retry(second) === 1) {
    await ssl.BIO_wait(second, 'accept')
    assert.equal(ssl.BIO_do_accept(second), -1)
  }
  assert.equal(ssl.BIO_should_retry(second), 0)
  assert.deepEqual(entries(), [
    [2, errnos['EADDRINUSE'], `hostname=127.0.0.1 service=${port}`],
    [32, 117, ''],
  ])
})

test('a name is looked up before it is bound', async (t) => {
  const listener = ssl.BIO_new_accept('localhost:0')!
  t.after(() => ssl.BIO_free(listener))
  ssl.BIO_set_nbio_accept(listener, 1)
  assert.equal(ssl.BIO_do_accept(listener), -1)
  assert.deepEqual(special(listener), [1, 1, ssl.BIO_RR_ACCEPT])
  await ssl.BIO_wait(listener, 'accept')
  assert.equal(ssl.BIO_do_accept(listener), 1)
  assert.ok(Number(ssl.BIO_get_accept_port(listener)) > 0)
})

test('a listener that began without blocking cannot block later', async (t) => {
  const listener = await listening(t)
  assert.equal(ssl.BIO_set_nbio_accept(listener, 0), 1)
  assert.equal(ssl.BIO_do_accept(listener), -1)
  assert.equal(ssl.BIO_should_retry(listener), 0)
  assert.match(entries()[0]![2], /BIO_reset/)
})

const addresses: readonly [string, host: string | null, port: string | null][] = [
  ['example.org:443', 'example.org', '443'],
  ['example.org:https', 'example.org', 'https'],
  ['example.org', 'example.org', null],
  ['[::1]:993', '::1', '993'],
  ['[::1]', '::1', null],
  ['*:80', null, '80'],
  [':80', null, '80'],
]
for (const [given, host, port] of addresses) {
  test(`${given} is host ${host}, port ${port}`, () => {
    const bio = ssl.BIO_new_connect(given)!
    assert.deepEqual([ssl.BIO_get_conn_hostname(bio), ssl.BIO_get_conn_port(bio)], [host, port])
  })
}

test('what is no host and port is refused; parts can be set one by one', () => {
  assert.equal(ssl.BIO_new_connect('a:b:c'), null)
  assert.deepEqual(entries(), [[32, 129, '']])
  assert.equal(ssl.BIO_new_connect('[::1'), null)
  assert.deepEqual(entries(), [[32, 130, '']])
  const bio = ssl.BIO_new(ssl.BIO_s_connect())!
  ssl.BIO_set_conn_port(bio, '70000')
  ssl.BIO_set_conn_hostname(bio, 'example.org')
  ssl.BIO_set_nbio(bio, 1)
  assert.equal(ssl.BIO_get_conn_port(bio), '70000', 'the host alone leaves the port')
  assert.equal(ssl.BIO_do_connect(bio), -1)
  assert.deepEqual(entries(), [[32, 2, '"70000" is neither a port nor a service that is known here']])
  ssl.BIO_set_conn_address(bio, { address: '::1', port: 7 })
  assert.deepEqual([ssl.BIO_get_conn_hostname(bio), ssl.BIO_get_conn_port(bio)], ['::1', '7'])
  assert.equal(ssl.BIO_set_conn_ip_family(bio, ssl.BIO_FAMILY_IPV6), 1)
  assert.equal(ssl.BIO_get_conn_ip_family(bio), 6)
  assert.equal(ssl.BIO_set_conn_ip_family(bio, 5), 0)
  assert.deepEqual(entries(), [[32, 146, '']])
})
