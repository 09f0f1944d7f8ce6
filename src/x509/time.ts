/** For sentences: `2026-06-01T00:00:00Z`. Milliseconds since 1970. */
export const when = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')

/** The whole second in which a time lies, in milliseconds: certificates and lists know no shorter times. */
export const secondOf = (time: number): number => Math.floor(time / 1000) * 1000
