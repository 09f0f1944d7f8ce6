/** Whether a name matches a glob of the runner's: `*` any characters, `?` one, `[...]` one of several, `[^...]` none of them. */
export const globs = (glob: string): ((name: string) => boolean) => {
  const source = glob.replace(/\[\^?[^\]]*\]|[\s\S]/g, (part) => {
    if (part.length > 1) return part
    if (part === '*') return '[^/]*'
    return part === '?' ? '[^/]' : part.replace(/[.+^${}()|\\]/, '\\$&')
  })
  const pattern = new RegExp(`^${source}$`)
  return (name) => pattern.test(name)
}
