// Connections that ask nothing keep nobody from the listeners beside the main one.
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { serveProbes } from '../../src/http/server/serve-probes.ts'
import { serveMetrics } from '../../src/metrics/serve-metrics.ts'

// Less than the 30 seconds after which Node looks by default.
const muchMs = 15_000
const anyPort = { host: '127.0.0.1', port: 0 }
const failed = () => expect.fail()

// They wait most of the time.
describe.concurrent('connections that ask nothing end, and it answers again', () => {
  test.for([
    {
      listenerOf: 'probes',
      path: '/livez',
      most: 64,
      serve: () =>
        serveProbes(anyPort, () => Promise.resolve({ status: 200, body: { status: 'ok' } }), failed),
    },
    {
      listenerOf: 'metrics',
      path: '/metrics',
      most: 32,
      serve: () =>
        serveMetrics(
          anyPort,
          { contentType: 'text/plain', text: () => Promise.resolve('keyhold 1') },
          failed,
        ),
    },
  ])(
    'the listener for $listenerOf',
    { timeout: muchMs },
    async ({ path, most, serve }, { onTestFinished }) => {
      const listener = await serve()
      const { hostname, port } = new URL(listener.url)
      const silent = Array.from({ length: most }, () => connect(Number(port), hostname).resume())
      onTestFinished(async () => {
        for (const socket of silent) socket.destroy()
        await listener.close()
      })
      await Promise.all(silent.map((socket) => once(socket, 'connect')))
      await Promise.all(silent.map((socket) => once(socket, 'close')))
      expect((await fetch(`${listener.url}${path}`)).status).toBe(200)
    },
  )
})
