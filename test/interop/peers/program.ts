import type { Group, Kind, Materials, Part, Peer, Server, Settings, Transcript, Version } from '../contract.ts'
import { connections } from '../contract.ts'
import { Child } from '../process.ts'
import { groupNamed, suiteNamed } from '../suites.ts'

/**
 * A peer that is a small program of ours around somebody's library. It runs as long as it is of use and
 * takes orders, a line each: `ID serve key=value …`, `ID connect key=value …`, `ID stop`.
 * It answers with lines `ID port N`, `ID report key=value …` (once per connection a server had, once per `connect`)
 * and `ID error TEXT`. Values have no spaces. All of them talk in the style `echo`.
 */
export interface Program {
  name: string
  find(): Promise<string | undefined>
  readonly can?: Peer['can']
  cannot(settings: Settings, part: Part): string | undefined
  /** Builds it if need be, and tells how to start it. Conversations with equal commands share a process. */
  command(settings: Settings, part: Part): Promise<[command: string, ...args: string[]]>
}

/** The contract on top of such a program. */
export const programPeer = (program: Program, materials: Materials): Peer => {
  const running = new Map<string, Running>()
  const start = async (settings: Settings, part: Part): Promise<Running> => {
    const [command, ...args] = await program.command(settings, part)
    const key = [command, ...args].join(' ')
    let found = running.get(key)
    if (!found) running.set(key, (found = new Running(command, args)))
    return found
  }
  return {
    name: program.name,
    find: program.find,
    ...(program.can && { can: program.can }),
    cannot: program.cannot,
    style: () => 'echo',
    async serve(settings) {
      const order = (await start(settings, 'server')).order(`serve ${words(settings, 'server', materials)}`)
      const port = Number((await order.next('port')).text)
      const server: Server = {
        port,
        next: async () => transcript((await order.next('report')).text),
        close: async () => order.stop(),
      }
      return server
    },
    async connect(settings, _style, port) {
      const order = (await start(settings, 'client')).order(
        `connect port=${port} ${words(settings, 'client', materials)}`,
      )
      return transcript((await order.next('report')).text)
    },
    stop() {
      for (const program of running.values()) program.kill()
      running.clear()
    },
  }
}

interface Answer {
  word: string
  text: string
}

/** One such process, and the orders it works on. */
class Running {
  readonly #child: Child
  readonly #answers = new Map<number, { queue: Answer[]; wake: () => void }>()
  #orders = 0

  constructor(command: string, args: string[]) {
    this.#child = new Child(command, args, { keep: true })
    let line = ''
    this.#child.onOutput((text) => {
      const lines = (line + text).split('\n')
      line = lines.pop()!
      for (const each of lines) this.#heard(each)
    })
    void this.#child.exited.then((code) => {
      const text = `the program ended (${code}): ${this.#child.err.trim().split('\n').at(-1) ?? ''}`
      for (const id of this.#answers.keys()) this.#heard(`${id} error ${text}`)
    })
  }

  order(text: string): { next(word: string): Promise<Answer>; stop(): void } {
    const id = ++this.#orders
    const inbox = { queue: [] as Answer[], wake: () => {} }
    this.#answers.set(id, inbox)
    this.#child.write(`${id} ${text}\n`)
    return {
      next: async (word) => {
        while (inbox.queue.length === 0)
          await new Promise<void>((resolve) => {
            inbox.wake = resolve
          })
        const answer = inbox.queue.shift()!
        if (answer.word !== word) throw new Error(answer.text)
        return answer
      },
      stop: () => {
        this.#answers.delete(id)
        this.#child.write(`${id} stop\n`)
      },
    }
  }

  kill(): void {
    this.#child.kill()
  }

  #heard(line: string): void {
    const [, id, word, text] = line.match(/^(\d+) (\w+) ?(.*)$/) ?? []
    const inbox = this.#answers.get(Number(id))
    if (!inbox) return
    inbox.queue.push({ word: word!, text: text! })
    inbox.wake()
  }
}

/** The settings as the programs read them; a setting that is not made is left out. */
const words = (s: Settings, part: Part, materials: Materials): string => {
  const kind = part === 'server' ? s.certificate : s.clientCertificate
  const groups = part === 'server' ? s.serverGroups : s.clientGroups
  const values: Record<string, string | number | undefined> = {
    version: s.version,
    suite: s.suite,
    opensslsuite: s.suite && suiteNamed(s.suite).openssl,
    groups: groups?.map((g) => groupNamed(g).java).join(','),
    ca: materials.ca,
    cert: kind && materials.leaf(kind).certificate,
    key: kind && materials.leaf(kind).key,
    clientauth: s.clientCertificate,
    etm: s.encryptThenMac === undefined ? undefined : Number(s.encryptThenMac),
    alpn: s.alpn,
    resume: s.resume,
    earlydata: s.earlyData && 1,
    keyupdate: s.keyUpdate,
    bytes: s.bytes,
    closes: s.closes,
    payload: materials.payload(s.bytes).file,
    connections: connections(s),
  }
  return Object.entries(values)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
    .join(' ')
}

const fields: { [K in keyof Transcript]-?: (text: string) => Transcript[K] } = {
  psk: (text) => text === '1',
  earlyData: (text) => text === '1',
  version: (text) => text as Version,
  suite: (text) => suiteNamed(text).name,
  group: (text) => text as Group,
  alpn: String,
  resumed: (text) => text === '1',
  encryptThenMac: (text) => text === '1',
  retried: (text) => text === '1',
  keyUpdates: Number,
  peerCertificate: (text) => text as Kind,
  clean: (text) => text === '1',
  bytes: Number,
}

const transcript = (text: string): Transcript => {
  const told: Transcript = {}
  for (const word of text.split(' ')) {
    const [key, value] = word.split('=') as [keyof Transcript, string]
    if (!(key in fields)) throw new Error(`a peer's program reports ${word}, which is no field of a transcript`)
    Object.assign(told, { [key]: fields[key](value) })
  }
  return told
}
