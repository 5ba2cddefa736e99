// Connections that ask nothing do not keep probes away.
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { serveProbes } from '../../src/http/server/serve-probes.ts'

// Less than the 30 seconds after which Node looks by default.
const muchMs = 15_000

test(
  'the listener for probes ends connections that ask nothing, and answers again',
  { timeout: muchMs },
  async () => {
    const listener = await serveProbes(
      { host: '127.0.0.1', port: 0 },
      () => Promise.resolve({ status: 200, body: { status: 'ok' } }),
      () => expect.fail(),
    )
    const { hostname, port } = new URL(listener.url)
    const silent = Array.from({ length: 64 }, () => connect(Number(port), hostname).resume())
    onTestFinished(async () => {
      for (const socket of silent) socket.destroy()
      await listener.close()
    })
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    await Promise.all(silent.map((socket) => once(socket, 'close')))
    expect((await fetch(`${listener.url}/livez`)).status).toBe(200)
  },
)
