// This side of a thread for blocks of files.
import { KeyholdError } from '@keyhold/core'
import { Worker } from 'node:worker_threads'
import type { BlockWork, FromThread, ToThread, WorkedBlock } from './block-messages.ts'

// TypeScript beside this file in the repository, JavaScript in the package.
const threadFile = new URL(
  `block-thread${/\.\w+$/.exec(new URL(import.meta.url).pathname)?.[0] ?? ''}`,
  import.meta.url,
)

export interface BlockThread {
  /** Whether blocks may be given to it: it has started, and has not ended. */
  isReady(): boolean
  hasEnded(): boolean
  /** How many blocks it has. */
  load(): number
  /** Gives the memory of the block away. Rejects with what the work throws, and when the thread ends. */
  run(work: BlockWork): Promise<WorkedBlock>
  end(): void
}

/** @throws Error where the program may start no threads */
export function startBlockThread(): BlockThread {
  // It needs neither the options of the program nor its environment.
  const worker = new Worker(threadFile, { execArgv: [], env: {} })
  const underWay = new Map<number, PromiseWithResolvers<WorkedBlock>>()
  let lastId = 0
  let isReady = false
  let hasEnded = false

  function settle(id: number): PromiseWithResolvers<WorkedBlock> | undefined {
    const waiting = underWay.get(id)
    underWay.delete(id)
    // A thread that has nothing to do keeps no program alive.
    if (underWay.size === 0) worker.unref()
    return waiting
  }
  function fail(error: Error): void {
    hasEnded = true
    for (const { reject } of underWay.values()) reject(error)
    underWay.clear()
  }
  worker.on('message', (message: FromThread) => {
    if ('ready' in message) isReady = true
    else if ('worked' in message) settle(message.id)?.resolve(message.worked)
    else settle(message.id)?.reject(errorOf(message.refusal))
  })
  worker.on('error', fail)
  worker.on('exit', () => {
    fail(new Error('a thread that works on files has ended'))
  })
  worker.unref()
  return {
    isReady: () => isReady && !hasEnded,
    hasEnded: () => hasEnded,
    load: () => underWay.size,
    run(work) {
      const waiting = Promise.withResolvers<WorkedBlock>()
      const id = ++lastId
      underWay.set(id, waiting)
      worker.ref()
      worker.postMessage({ id, work } satisfies ToThread, [work.input.buffer, work.output.buffer])
      return waiting.promise
    },
    end() {
      void worker.terminate()
    },
  }
}

function errorOf(refusal: Extract<FromThread, { refusal: unknown }>['refusal']): Error {
  if (refusal === undefined) return new Error('a thread that works on files has failed')
  const { code, message, details } = refusal
  return new KeyholdError(code, { message, details })
}
