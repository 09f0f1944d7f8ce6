/** What is used of libsodium as it stands in its package `libsodium`, without the wrappers. Addresses are numbers. */
declare module 'libsodium' {
  interface Library {
    readonly HEAPU8: Uint8Array
    /** 0 or 1, and -1 when it failed. */
    _sodium_init(): number
    /** 0 when there is no more. */
    _malloc(length: number): number
    _crypto_aead_chacha20poly1305_ietf_encrypt(
      sealed: number,
      sealedLength: number,
      text: number,
      textLength: number,
      textLengthHigh: number,
      aad: number,
      aadLength: number,
      aadLengthHigh: number,
      none: number,
      nonce: number,
      key: number,
    ): number
    /** 0 when the tag is right. */
    _crypto_aead_chacha20poly1305_ietf_decrypt(
      text: number,
      textLength: number,
      none: number,
      sealed: number,
      sealedLength: number,
      sealedLengthHigh: number,
      aad: number,
      aadLength: number,
      aadLengthHigh: number,
      nonce: number,
      key: number,
    ): number
  }
  export default function init(options: object): Promise<Library> | Library
}
