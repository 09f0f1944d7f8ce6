import { held, upRef } from './counted.ts'
import type { SSL_CTX } from './ctx.ts'
import type { Holder } from './settings.ts'
import type { SSL } from './ssl.ts'
import { X509_STORE, X509_STORE_load_locations } from './x509-store.ts'

/** Stores for one purpose, instead of the one of the context (SSL_CTX_set1_verify_cert_store(3)). */

type Owner = Holder & { readonly kind: string; references: number }
type Purpose = 'verifyStore' | 'chainStore'
const setter =
  (purpose: Purpose, counts: boolean) =>
  (to: Owner, store: X509_STORE | null): 0 | 1 => {
    if (store && counts) upRef(store)
    held(to).settings[purpose] = store
    return 1
  }
const getter =
  (purpose: Purpose) =>
  (from: Owner): X509_STORE | null =>
    held(from).settings[purpose]

/** Where issuers of the peer's certificate are looked for; null: in the context's store. `set0` takes the reference. */
export const SSL_CTX_set0_verify_cert_store: (ctx: SSL_CTX, store: X509_STORE | null) => 0 | 1 = setter(
  'verifyStore',
  false,
)
export const SSL_CTX_set1_verify_cert_store: (ctx: SSL_CTX, store: X509_STORE | null) => 0 | 1 = setter(
  'verifyStore',
  true,
)
export const SSL_set0_verify_cert_store: (ssl: SSL, store: X509_STORE | null) => 0 | 1 = setter('verifyStore', false)
export const SSL_set1_verify_cert_store: (ssl: SSL, store: X509_STORE | null) => 0 | 1 = setter('verifyStore', true)
export const SSL_CTX_get0_verify_cert_store: (ctx: SSL_CTX) => X509_STORE | null = getter('verifyStore')
export const SSL_get0_verify_cert_store: (ssl: SSL) => X509_STORE | null = getter('verifyStore')
/** Where issuers of our own certificate are looked for, to be sent along. */
export const SSL_CTX_set0_chain_cert_store: (ctx: SSL_CTX, store: X509_STORE | null) => 0 | 1 = setter(
  'chainStore',
  false,
)
export const SSL_CTX_set1_chain_cert_store: (ctx: SSL_CTX, store: X509_STORE | null) => 0 | 1 = setter(
  'chainStore',
  true,
)
export const SSL_set0_chain_cert_store: (ssl: SSL, store: X509_STORE | null) => 0 | 1 = setter('chainStore', false)
export const SSL_set1_chain_cert_store: (ssl: SSL, store: X509_STORE | null) => 0 | 1 = setter('chainStore', true)
export const SSL_CTX_get0_chain_cert_store: (ctx: SSL_CTX) => X509_STORE | null = getter('chainStore')
export const SSL_get0_chain_cert_store: (ssl: SSL) => X509_STORE | null = getter('chainStore')

/** Loads certificates into the store of that purpose, which is made if there is none. */
export const loadInto = (to: Owner, purpose: Purpose, file: string | null, dir: string | null): 0 | 1 =>
  X509_STORE_load_locations((held(to).settings[purpose] ??= new X509_STORE()), file, dir)
