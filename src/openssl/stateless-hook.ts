import type { Stateless } from '../config.ts'
import { TlsError } from '../errors.ts'
import type { SSL } from './ssl.ts'

/** How the engine asks for cookies, within SSL_stateless. */
export const statelessOf = (ssl: SSL): Stateless => {
  const { cookieGenerateCallback, cookieVerifyCallback, cookieKey } = ssl.sessionCtx
  return {
    key: cookieKey,
    generate() {
      if (!cookieGenerateCallback)
        throw new TlsError(
          'internal_error',
          'NO_COOKIE_CALLBACK_SET',
          'SSL_stateless needs a callback that makes cookies',
        )
      const answer = cookieGenerateCallback(ssl)
      if (answer !== 0 && answer.ret === 1 && answer.cookie?.length) return answer.cookie
      throw new TlsError('internal_error', 'COOKIE_GEN_CALLBACK_FAILURE', 'the program made no cookie')
    },
    verify: (cookie) => cookieVerifyCallback?.(ssl, cookie) === 1,
  }
}
