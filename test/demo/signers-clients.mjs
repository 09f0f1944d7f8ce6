// The clients of signers.ts: all of them at once, by node:tls.
import { connect } from 'node:tls'

const [port, ca, count] = process.argv.slice(2)
process.send('ready')
process.once('message', () => {
  let open = 0
  let failed = 0
  const over = () => {
    if (open + failed === Number(count)) process.send({ open, failed })
  }
  for (let i = 0; i < Number(count); i++) {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: 'localhost', ca })
    socket.once('secureConnect', () => {
      open++
      over()
    })
    socket.once('error', () => {
      failed++
      over()
    })
  }
})
