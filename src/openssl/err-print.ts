import { type BIO, BIO_puts } from './bio.ts'
import { ERR_print_errors_cb } from './err.ts'

/** Writes the error queue to a BIO, a line per entry as of ERR_print_errors_cb, and empties it. */
export const ERR_print_errors = (bio: BIO): void => ERR_print_errors_cb((line) => BIO_puts(bio, line))
