// Preloaded into every test process: a file that does not come to its end, because a test hangs or left something open, ends
// as a failure that says what it was still waiting for. Node's own time limit is for tests, not for what they leave behind.
const seconds = Number(process.env.TEST_SECONDS ?? 300)

if (process.env.NODE_TEST_CONTEXT) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')
    process.stderr.write(`${process.argv[1]} is still running after ${seconds} s; open: ${open.join(', ')}\n`)
    process.exit(1)
  }, seconds * 1000).unref()
}
