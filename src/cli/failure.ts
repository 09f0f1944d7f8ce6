/** Something went wrong that its user can understand: the sentence is all that is printed, and the command ends with 1. */
export class Failure extends Error {
  override readonly name: string = 'Failure'
}

/** A sentence for anything that was thrown. */
export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error))
