// How a supervisor counts, keeps and shows its replicas, with processes that only say what they are told to.
import { isKeyholdError } from '@keyhold/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { countReplicas, roomIn, type Machine } from '../../src/supervisor/count-replicas.ts'
import type { Ended, ReplicaProcess } from '../../src/supervisor/fork-replica.ts'
import { heapArguments } from '../../src/supervisor/heap-of-replicas.ts'
import { keepReplica } from '../../src/supervisor/keep-replica.ts'
import { createSharedMetrics, probeReplicas } from '../../src/supervisor/show-replicas.ts'
import { readMetrics } from '../metrics/read-metrics.ts'

const timings = { pauseMs: 10, maxPauseMs: 40, steadyMs: 10_000, lookMs: 5, silentMs: 30 }

interface Lines {
  error: (facts: object, text: string) => void
  info: (facts: object, text: string) => void
  pauses: unknown[]
}

function createLines(): Lines {
  const pauses: unknown[] = []
  return {
    pauses,
    error: (facts) => pauses.push('pauseMs' in facts ? facts.pauseMs : 'silent'),
    info: () => undefined,
  }
}

let lastPid = 0
function createProcess({ answers = true, serves = true } = {}) {
  const ended = Promise.withResolvers<Ended>()
  const facts = { url: '', boundUrl: '', uses: '' }
  const said: string[] = []
  const pid = ++lastPid
  const process: ReplicaProcess = {
    pid,
    started: Promise.resolve(serves ? facts : undefined),
    ended: ended.promise,
    async ask(about) {
      if (!answers) return sleep(timings.silentMs, undefined)
      if (about !== 'metrics') return { status: 200, body: { status: 'ok' } }
      return `# HELP a_total A.\n# TYPE a_total counter\na_total ${pid}\n`
    },
    drain: () => said.push('drain'),
    stop() {
      said.push('stop')
      ended.resolve({ code: 0, signal: null })
    },
    kill() {
      ended.resolve({ code: null, signal: 'SIGKILL' })
    },
  }
  const end = (code: number) => {
    ended.resolve({ code, signal: null })
  }
  return { process, said, end }
}

test('another process takes the place of one that has ended, later each time, until it is to stop', async () => {
  const lines = createLines()
  const first = createProcess()
  const processes = [first]
  const start = () => {
    const next = createProcess()
    processes.push(next)
    return next.process
  }
  const kept = keepReplica({ number: 1, start, logger: lines as never, timings }, first.process)
  for (let index = 0; index < 4; index++) {
    await expect.poll(() => kept.serving()?.pid, { interval: 1 }).toBe(processes[index]?.process.pid)
    processes[index]?.end(1)
    await expect.poll(() => processes.length, { interval: 1 }).toBe(index + 2)
  }
  expect(lines.pauses).toEqual([10, 20, 40, 40])
  expect(kept.restarts()).toBe(4)
  const last = processes.at(-1)
  kept.drain()
  expect(await kept.stop()).toBe(true)
  expect(last?.said).toEqual(['drain', 'stop'])
  expect(processes).toHaveLength(5)
})

test('one that answers nothing for long is killed, and so is replaced', async () => {
  const lines = createLines()
  const good = createProcess()
  const kept = keepReplica(
    { number: 2, start: () => good.process, logger: lines as never, timings },
    createProcess({ answers: false }).process,
  )
  await expect.poll(() => kept.serving()?.pid, { interval: 5 }).toBe(good.process.pid)
  expect(lines.pauses).toEqual(['silent', 10])
  expect(await kept.stop()).toBe(true)
})

test('where the system starts no process, it is tried again, and nobody else ends', async () => {
  const lines = createLines()
  const [first, second] = [createProcess(), createProcess()]
  let tries = 0
  const start = () => {
    if (++tries < 3) throw new Error('spawn ENOMEM')
    return second.process
  }
  const kept = keepReplica({ number: 1, start, logger: lines as never, timings }, first.process)
  first.end(1)
  await expect.poll(() => kept.serving()?.pid, { interval: 1 }).toBe(second.process.pid)
  expect([lines.pauses, kept.restarts()]).toEqual([[10, 20, 40], 1])
  expect(await kept.stop()).toBe(true)
})

test('metrics and probes speak for all: what one has that runs no more is told', async () => {
  const [one, other] = [createProcess().process, createProcess().process]
  let running: ReplicaProcess | undefined = one
  const replicas = [
    { number: 1, serving: () => running, restarts: () => 3 },
    { number: 2, serving: () => other, restarts: () => 0 },
  ]
  const text = createSharedMetrics(() => replicas)
  expect(readMetrics(await text()).value('a_total')).toBe(one.pid + other.pid)
  expect(await probeReplicas(replicas, '/readyz')).toEqual({
    status: 200,
    body: { status: 'ok', replicas: { 1: 'ok', 2: 'ok' } },
  })
  running = undefined
  const { value } = readMetrics(await text())
  expect(value('a_total')).toBe(one.pid + other.pid)
  expect(value('keyhold_replica_up', { replica: '1' })).toBe(0)
  expect(value('keyhold_replica_up', { replica: '2' })).toBe(1)
  expect(value('keyhold_replica_restarts_total', { replica: '1' })).toBe(3)
  expect(await probeReplicas(replicas, '/readyz')).toEqual({
    status: 200,
    body: { status: 'ok', replicas: { 1: 'not running', 2: 'ok' } },
  })
  expect((await probeReplicas(replicas.slice(0, 1), '/readyz')).status).toBe(503)
})

const machine = (cores: number, room: number | undefined, shares = true): Machine => ({
  cores,
  sharesPorts: () => Promise.resolve(shares),
  room: () => Promise.resolve(room),
})

test('as many replicas as processors, where PostgreSQL has room and the system shares ports', async () => {
  const warned: unknown[] = []
  const logger = { warn: (facts: object) => warned.push(facts) } as never
  expect(await countReplicas('auto', machine(8, undefined), logger)).toBe(8)
  expect(await countReplicas('auto', machine(1, undefined, false), logger)).toBe(1)
  expect(await countReplicas(3, machine(8, 5), logger)).toBe(3)
  expect(warned).toEqual([])
  expect(await countReplicas('auto', machine(8, 5), logger)).toBe(5)
  expect(await countReplicas('auto', machine(8, 0), logger)).toBe(1)
  // Who asks for a number gets it.
  expect(await countReplicas(8, machine(2, 5), logger)).toBe(8)
  expect(await countReplicas('auto', machine(8, 5, false), logger)).toBe(1)
  expect(warned).toHaveLength(4)
  const refused = await countReplicas(2, machine(8, 5, false), logger).catch((error: unknown) => error)
  expect(isKeyholdError(refused, 'ERR_CONFIG_INVALID')).toBe(true)
})

test('room for replicas, and memory for their heaps', () => {
  expect(roomIn(100, 10, 0)).toBe(5)
  expect(roomIn(100, 10, 2)).toBe(3)
  expect(roomIn(100, 500, 0)).toBe(0)
  const gib = 1_024 ** 3
  expect(heapArguments(2, {}, 4 * gib, 24 * gib)).toEqual([])
  expect(heapArguments(8, {}, 4 * gib, 24 * gib)).toEqual(['--max-old-space-size=1536'])
  expect(heapArguments(8, { NODE_OPTIONS: '--max_old_space_size=100' }, 4 * gib, 24 * gib)).toEqual([])
})
