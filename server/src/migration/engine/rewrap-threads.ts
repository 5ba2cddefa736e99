// The threads that do a replica's rewrapping, shared by all its key jobs: first come, first served, chunk by chunk, so
// that no tenant waits for another's million. They are started when there is work, and end when there is none. Beside traffic the thread
// that answers requests comes first: theirs is a lower priority then.
import type { TenantKey } from '@keyhold/core'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { RewrapOrder, RewrapResult, UnreadableCipherkey } from './rewrap-records.ts'
import type { ThreadOrder, ThreadStarted } from './rewrap-thread.ts'
import { threadPriorities, yieldingPriority } from './thread-priority.ts'

// TypeScript beside this file in the repository, JavaScript in the package.
const threadFile = new URL(`rewrap-thread${path.extname(import.meta.url)}`, import.meta.url)

export interface RewrapThreads {
  readonly count: number
  rewrap(order: RewrapOrder): Promise<RewrapResult>
  /** Answers the records that `tenantKey` does not open. */
  findUnreadable(records: Buffer, tenantKey: TenantKey): Promise<UnreadableCipherkey[]>
  /** From now on the threads give way to the thread that answers requests, or do not. */
  giveWay(isTraffic: boolean): void
  close(): Promise<void>
}

const idleMs = 10_000

interface Task {
  order: ThreadOrder
  resolve: (answer: unknown) => void
  reject: (error: unknown) => void
}

interface Thread {
  worker: Worker
  task: Task | undefined
  idleSince: number
  /** By which the system knows it. Undefined: it does not tell, or not yet. */
  threadId: number | undefined
  isLowered: boolean
  /** Its priority can't be raised again: it ends after its task, and another one takes its place. */
  isSpent: boolean
}

export function createRewrapThreads(count: number, priorities = threadPriorities()): RewrapThreads {
  const threads = new Set<Thread>()
  const waiting: Task[] = []
  let isClosed = false
  let sweeper: NodeJS.Timeout | undefined
  let givesWay = false

  function start(): Thread {
    const worker = new Worker(threadFile, { execArgv: [] })
    const thread: Thread = {
      ...{ worker, task: undefined, idleSince: performance.now() },
      ...{ threadId: undefined, isLowered: false, isSpent: false },
    }
    worker.once('message', ({ threadId }: ThreadStarted) => {
      thread.threadId = threadId
      worker.on('message', onAnswer)
      if (givesWay) lower(thread)
    })
    const onAnswer = (answer: unknown) => {
      const { task } = thread
      thread.task = undefined
      thread.idleSince = performance.now()
      task?.resolve(answer)
      if (thread.isSpent) end(thread)
      dispatch()
    }
    // A thread that fails loses only its task: the key job pauses and is tried again.
    const fail = (error: unknown) => {
      threads.delete(thread)
      thread.task?.reject(error)
      thread.task = undefined
      if (!isClosed) dispatch()
    }
    worker.on('error', fail)
    worker.on('exit', () => {
      fail(new Error('a rewrapping thread has ended'))
    })
    worker.unref()
    threads.add(thread)
    sweeper ??= setInterval(endIdle, idleMs).unref()
    return thread
  }

  function lower(thread: Thread): void {
    if (thread.threadId === undefined || thread.isLowered || priorities.usual >= yieldingPriority) return
    thread.isLowered = priorities.set(thread.threadId, yieldingPriority)
  }

  function raise(thread: Thread): void {
    if (thread.threadId === undefined || !thread.isLowered) return
    if (priorities.set(thread.threadId, priorities.usual)) thread.isLowered = false
    else if (thread.task === undefined) end(thread)
    else thread.isSpent = true
  }

  function endIdle(): void {
    for (const thread of threads) {
      if (thread.task === undefined && performance.now() - thread.idleSince >= idleMs) end(thread)
    }
    if (threads.size > 0) return
    clearInterval(sweeper)
    sweeper = undefined
  }

  function end(thread: Thread): void {
    threads.delete(thread)
    thread.worker.removeAllListeners('exit')
    void thread.worker.terminate()
  }

  function dispatch(): void {
    while (waiting.length > 0) {
      const thread =
        [...threads].find(({ task }) => task === undefined) ?? (threads.size < count ? start() : undefined)
      if (thread === undefined) return
      const task = waiting.shift()
      if (task === undefined) return
      thread.task = task
      const { order } = task
      thread.worker.postMessage(order, transferable(order.records))
    }
  }

  function run(order: ThreadOrder): Promise<unknown> {
    if (isClosed) return Promise.reject(new Error('the rewrapping threads are closed'))
    return new Promise((resolve, reject) => {
      waiting.push({ order, resolve, reject })
      dispatch()
    })
  }

  return {
    count,
    async rewrap({ records, ...order }) {
      const answer = (await run({ do: 'rewrap', records: own(records), ...order })) as {
        records: Uint8Array
        unreadable: UnreadableCipherkey[]
      }
      const { buffer, byteOffset, byteLength } = answer.records
      return { records: Buffer.from(buffer, byteOffset, byteLength), unreadable: answer.unreadable }
    },
    async findUnreadable(records, tenantKey) {
      const answer = (await run({ do: 'check', records: own(records), tenantKey })) as {
        unreadable: UnreadableCipherkey[]
      }
      return answer.unreadable
    },
    giveWay(isTraffic) {
      givesWay = isTraffic
      for (const thread of threads) {
        if (isTraffic) lower(thread)
        else raise(thread)
      }
    },
    async close() {
      isClosed = true
      clearInterval(sweeper)
      for (const task of waiting.splice(0)) task.reject(new Error('the rewrapping threads are closed'))
      await Promise.all([...threads].map(({ worker }) => worker.terminate()))
    },
  }
}

// A buffer that is transferred must own its memory. The driver's buffers share theirs with others.
function own(records: Buffer): Uint8Array {
  return new Uint8Array(records)
}

function transferable({ buffer }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer ? [buffer] : []
}
