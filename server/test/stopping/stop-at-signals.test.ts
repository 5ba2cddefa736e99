// Signals end a server step by step: it says so, waits, stops, and its process exits.
import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { stopAtSignals, type Stoppable } from '../../src/stop-at-signals.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

// Longer than any test waits.
const endlessMs = 600_000

function scene({
  drainMs = endlessMs,
  forcedExitMs = endlessMs,
  sameSignalMs = 0,
  stop = () => Promise.resolve(),
} = {}) {
  const process = new EventEmitter()
  const exits = new EventEmitter()
  const steps: string[] = []
  const exit = (code: number) => {
    steps.push(`exit ${code}`)
    exits.emit('exit')
  }
  const start = stopAtSignals({
    onSignal: (signal, listener) => process.on(signal, listener),
    ...{ exit, forcedExitMs, sameSignalMs },
  })
  const server: Stoppable = {
    drainMs,
    drain: () => steps.push('drain'),
    stop: () => {
      steps.push('stop')
      return stop()
    },
  }
  return { process, steps, start, server, exited: once(exits, 'exit') }
}

test.each(['SIGTERM', 'SIGINT'])(
  '%s: the server drains, then stops, then the process exits with 0',
  async (signal) => {
    const { process, steps, start, server, exited } = scene({ drainMs: 1 })
    start(server)
    expect(steps).toEqual([])
    process.emit(signal)
    expect(steps).toEqual(['drain'])
    await exited
    expect(steps).toEqual(['drain', 'stop', 'exit 0'])
  },
)

test('a second signal ends the waiting, and a third one changes nothing', async () => {
  const { process, steps, start, server, exited } = scene()
  start(server)
  process.emit('SIGTERM')
  process.emit('SIGINT')
  process.emit('SIGTERM')
  await exited
  expect(steps).toEqual(['drain', 'stop', 'exit 0'])
})

slowTest('a signal that comes twice at once, as from a terminal through npm, is one', async () => {
  const { process, steps, start, server } = scene({ sameSignalMs: endlessMs })
  start(server)
  process.emit('SIGINT')
  process.emit('SIGINT')
  await sleep(20)
  expect(steps).toEqual(['drain'])
})

test('a signal during the start is remembered: the server stops without waiting', async () => {
  const { process, steps, start, server, exited } = scene()
  process.emit('SIGTERM')
  expect(steps).toEqual([])
  start(server)
  await exited
  expect(steps).toEqual(['drain', 'stop', 'exit 0'])
})

test('neither a start nor a stop that never ends keeps the process', async () => {
  const starting = scene({ forcedExitMs: 1 })
  starting.process.emit('SIGTERM')
  await starting.exited
  expect(starting.steps).toEqual(['exit 1'])

  const stopping = scene({ drainMs: 0, forcedExitMs: 1, stop: () => new Promise(() => undefined) })
  stopping.start(stopping.server)
  stopping.process.emit('SIGTERM')
  await stopping.exited
  expect(stopping.steps).toEqual(['drain', 'stop', 'exit 1'])
})

slowTest('a stop that fails ends the process with 1', async () => {
  const { process, steps, start, server, exited } = scene({
    drainMs: 0,
    stop: () => Promise.reject(new Error('full disk')),
  })
  start(server)
  process.emit('SIGTERM')
  await exited
  expect(steps).toEqual(['drain', 'stop', 'exit 1'])
})
