import { type BIO, BIO_clear_retry_flags, BIO_copy_next_retry, BIO_ctrl, type Operations } from './bio.ts'

/** What filters have in common: what they do not know themselves, the next BIO does. */

/** A filter is ready when the next BIO is; without one there is nothing to wait for. */
export const nextReady: NonNullable<Operations['ready']> = (bio) => bio.next ?? true

/** A filter's last resort for a ctrl: the next BIO's answer, 0 without one. */
export const passOn = (bio: BIO, cmd: number, larg: number, parg: unknown): number =>
  bio.next === null ? 0 : BIO_ctrl(bio.next, cmd, larg, parg)

/** BIO_C_DO_STATE_MACHINE of a filter: the next BIO's affair, and its reasons to retry. */
export const driveNext = (bio: BIO, cmd: number, larg: number, parg: unknown): number => {
  if (bio.next === null) return 0
  BIO_clear_retry_flags(bio)
  const ret = BIO_ctrl(bio.next, cmd, larg, parg)
  BIO_copy_next_retry(bio)
  return ret
}
