/** Inputs that fuzzing has found something by, each for the target that it was found with. They are run in every test. */
export interface Found {
  readonly target: string
  /** What was wrong, and is no more. */
  readonly what: string
  /** In base64. */
  readonly input: string
}

export const found: readonly Found[] = []
