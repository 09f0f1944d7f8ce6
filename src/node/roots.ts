import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import * as tls from 'node:tls'
import { Store } from '../x509/store.ts'

const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
]

/** Files of which the first that can be read counts, and folders. */
export interface RootPlaces {
  readonly file: readonly string[]
  readonly dir: readonly string[]
}

/**
 * Where the system keeps the certificates it trusts. SSL_CERT_FILE and SSL_CERT_DIR of the environment come first, as they
 * do for OpenSSL.
 */
export const rootPlaces = (): RootPlaces => {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: dir } = process.env
  return { file: file ? [file] : dir ? [] : BUNDLES, dir: dir ? dir.split(delimiter) : [] }
}

/** The certificates that the files and folders of `rootPlaces` hold; empty when there are none. */
export const storeOfPlaces = ({ file, dir }: RootPlaces): Store => {
  const store = new Store()
  const seen = new Set<string>()
  for (const path of file) {
    const found = quietly(() => certificatesIn(readFileSync(path), seen))
    if (!found?.length) continue
    store.addLater(found)
    break
  }
  for (const folder of dir) store.addLater(certificatesInFolder(folder, seen))
  return store
}

/**
 * All certificates (DER) in the files of a folder. Folders made by openssl-rehash(1) hold every certificate twice, once by
 * hash; there only those are read. Empty when the folder cannot be read. What is in `seen` by its base64 is left out.
 */
export const certificatesInFolder = (folder: string, seen = new Set<string>()): readonly Uint8Array[] => {
  const names = (quietly(() => readdirSync(folder)) ?? []).sort()
  const hashed = names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
  const wanted = hashed.length > 0 ? hashed : names.filter((name) => /\.(?:pem|crt|cer)$/i.test(name))
  return wanted.flatMap((name) => quietly(() => certificatesIn(readFileSync(`${folder}/${name}`), seen)) ?? [])
}

/** Certificates that came with the runtime, or that it finds in the system's keeping (`tls.getCACertificates`). */
export const runtimeRoots = (kind: 'bundled' | 'system'): Store => {
  const { getCACertificates } = tls as { getCACertificates?: (kind: string) => readonly string[] }
  const pems = getCACertificates ? getCACertificates(kind) : kind === 'bundled' ? tls.rootCertificates : []
  const store = new Store()
  store.addLater(pems.flatMap((pem) => certificatesIn(Buffer.from(pem, 'latin1'))))
  return store
}

let system: Store | undefined
/**
 * The roots that this system trusts: those of its files, else those that the runtime finds in the system's keeping, else
 * those that came with the runtime. Read once in a process.
 */
export const roots = (): Store => {
  if (system) return system
  for (const find of [() => storeOfPlaces(rootPlaces()), () => runtimeRoots('system')]) {
    const store = quietly(find)
    if (store && !store.empty) return (system = store)
  }
  return (system = runtimeRoots('bundled'))
}

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'

/** The runtime decodes base64 at a tenth of the cost; whoever parses what comes of it is strict. */
const certificatesIn = (file: Buffer, seen = new Set<string>()): readonly Uint8Array[] => {
  const text = file.toString('latin1')
  const found: Uint8Array[] = []
  for (let at = text.indexOf(BEGIN); at >= 0; at = text.indexOf(BEGIN, at)) {
    const end = text.indexOf(END, at)
    if (end < 0) break
    const body = text.slice(at + BEGIN.length, end)
    at = end
    if (seen.has(body)) continue
    seen.add(body)
    const bytes = Buffer.from(body, 'base64')
    found.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }
  return found
}

const quietly = <T>(look: () => T): T | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}
