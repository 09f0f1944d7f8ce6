/**
 * Certificates per second: parsed, and verified as a path of leaf, intermediate and one root of 150. Ours beside node:crypto's
 * X509Certificate (checkIssued, verify, checkHost, dates) and @peculiar/x509, in this process and in turns; each figure is the
 * median of its rounds.
 *
 *   npm run bench:x509 [-- --rounds N --json]
 */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import { parseArgs } from 'node:util'
import * as peculiar from '@peculiar/x509'
import { node } from '../src/crypto/node/index.ts'
import type { KeyKind } from '../src/crypto/provider.ts'
import { makeCertificate, parseCertificate, Store, verifier } from '../src/x509/index.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, json: { type: 'boolean' } } })
const rounds = Number(values.rounds)

const HOST = 'www.example.com'
const TIME = Date.now()
const DAY = 86_400_000
const ROOTS = 150

/** A leaf below an intermediate below one of many roots. */
const material = async (kind: KeyKind) => {
  const validity = { notBefore: TIME - DAY, days: 30 }
  // a key is shared by all roots that are of no use, since making keys takes its time
  const [others, rootKey, interKey, leafKey] = await Promise.all([0, 1, 2, 3].map(() => node.generate(kind)))
  if (!others || !rootKey || !interKey || !leafKey) throw new Error('there are too few keys')
  const roots = await Promise.all(
    Array.from({ length: ROOTS }, (_, at) => {
      const key = at === ROOTS >> 1 ? rootKey : others
      const subject = { C: 'US', O: `Authority ${at % 40}`, CN: `Root number ${at}` }
      return makeCertificate({ subject, key, signer: key, ca: true, ...validity }, node)
    }),
  )
  const root = roots[ROOTS >> 1]
  if (!root) throw new Error('there is no root')
  const inter = await makeCertificate(
    {
      subject: { O: 'Between', CN: 'Issuing CA' },
      key: interKey,
      issuer: root,
      signer: rootKey,
      ca: true,
      pathLength: 0,
      ...validity,
    },
    node,
  )
  const san = [HOST, 'example.com', '*.example.org', '192.0.2.1']
  const leaf = await makeCertificate(
    { subject: { CN: HOST }, san, key: leafKey, issuer: inter, signer: interKey, ...validity },
    node,
  )
  return { roots: roots.map(({ raw }) => raw), inter: inter.raw, leaf: leaf.raw }
}
type Material = Awaited<ReturnType<typeof material>>

type Side = 'ours' | 'node' | 'peculiar'
interface Row {
  readonly name: string
  readonly unit: string
  readonly sides: Readonly<Record<Side, () => unknown>>
}

const parsing = (name: string, { leaf }: Material): Row => {
  const bytes = new Uint8Array(leaf)
  return {
    name: `parse-${name}`,
    unit: 'certificates/s',
    sides: {
      ours: () => {
        const certificate = parseCertificate(bytes)
        return [certificate.subject.toString(), certificate.known.subjectAltName, certificate.notAfter]
      },
      node: () => {
        const certificate = new X509Certificate(bytes)
        return [certificate.subject, certificate.subjectAltName, certificate.validTo]
      },
      peculiar: () => {
        const certificate = new peculiar.X509Certificate(bytes)
        return [
          certificate.subject,
          certificate.getExtension(peculiar.SubjectAlternativeNameExtension),
          certificate.notAfter,
        ]
      },
    },
  }
}

const verifying = (name: string, { roots, inter, leaf }: Material): Row => {
  const check = verifier({ anchors: new Store(roots.map(parseCertificate)) })
  const theirs = new Map(
    roots.map((raw) => {
      const root = new X509Certificate(raw)
      return [root.subject, root]
    }),
  )
  const peculiarRoots = roots.map((raw) => new peculiar.X509Certificate(raw))
  const good = (condition: unknown): void => {
    if (!condition) throw new Error('a good path was refused')
  }
  return {
    name: `verify-${name}`,
    unit: 'paths/s',
    sides: {
      ours: () =>
        check.verify([leaf, inter].map(parseCertificate), {
          provider: node,
          purpose: 'server',
          name: HOST,
          time: TIME,
        }),
      node: () => {
        const chain = [leaf, inter].map((raw) => new X509Certificate(raw)) as [X509Certificate, X509Certificate]
        const root = theirs.get(chain[1].issuer)
        good(root)
        const path = [...chain, root as X509Certificate]
        for (const [at, certificate] of path.entries()) {
          const issuer = path[at + 1]
          good(Date.parse(certificate.validFrom) <= TIME && TIME <= Date.parse(certificate.validTo))
          if (issuer) good(issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))
        }
        return good(chain[0].checkHost(HOST))
      },
      peculiar: async () => {
        const chain = [leaf, inter].map((raw) => new peculiar.X509Certificate(raw)) as [
          peculiar.X509Certificate,
          peculiar.X509Certificate,
        ]
        const builder = new peculiar.X509ChainBuilder({ certificates: [chain[1], ...peculiarRoots] })
        const path = await builder.build(chain[0])
        good(path.length === 3)
        for (const [at, certificate] of [...path].entries()) {
          const issuer = path[at + 1]
          if (issuer) good(await certificate.verify({ publicKey: issuer.publicKey, date: new Date(TIME) }))
        }
      },
    },
  }
}

const loading = ({ roots }: Material): Row => ({
  name: `load-${ROOTS}-roots`,
  unit: 'loads/s',
  sides: {
    // known by subject and key identifier; parsed when somebody asks
    ours: () => {
      const store = new Store()
      store.addLater(roots)
      return store.size
    },
    node: () => new Map(roots.map((raw) => new X509Certificate(raw)).map((root) => [root.subject, root])),
    peculiar: () => new Map(roots.map((raw) => new peculiar.X509Certificate(raw)).map((root) => [root.subject, root])),
  },
})

/** How often a second, measured over about a quarter of one. */
const rate = async (once: () => unknown): Promise<number> => {
  const start = performance.now()
  let count = 0
  let elapsed = 0
  do {
    const answer = once()
    if (answer instanceof Promise) await answer
    count++
    elapsed = performance.now() - start
  } while (elapsed < 250)
  return (count / elapsed) * 1000
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number
const shown = (figure: number): string => figure.toLocaleString('en', { maximumFractionDigits: figure < 100 ? 1 : 0 })

const [ecdsa, rsa] = [await material('P-256'), await material('rsa-2048')]
const rows = [
  parsing('ecdsa', ecdsa),
  parsing('rsa', rsa),
  verifying('ecdsa', ecdsa),
  verifying('rsa', rsa),
  loading(rsa),
]
for (const { name, unit, sides } of rows) {
  const figures: Record<Side, number[]> = { ours: [], node: [], peculiar: [] }
  const names = Object.keys(sides) as Side[]
  for (const side of names) await rate(sides[side]) // warm
  for (let round = 0; round < rounds; round++) for (const side of names) figures[side].push(await rate(sides[side]))
  const [ours, theirs, other] = [median(figures.ours), median(figures.node), median(figures.peculiar)]
  if (values.json) console.log(JSON.stringify({ name, unit, ours, node: theirs, peculiar: other }))
  else
    console.log(
      `${name.padEnd(16)} ${shown(ours).padStart(9)} ${unit}; node:crypto ${shown(theirs)} (${(ours / theirs).toFixed(2)} x), @peculiar/x509 ${shown(other)} (${(ours / other).toFixed(2)} x)`,
    )
}
