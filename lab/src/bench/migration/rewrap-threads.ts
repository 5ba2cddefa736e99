// Runs the bare loop in worker threads, each with its share of a tenant's cipherkeys.
import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ClientConfig } from 'pg'
import type { BareRewrap } from './bare-rewrap.ts'

export interface RewrapThreads {
  /** Runs one range in each thread and answers how many rows were rewrapped. */
  run(ranges: BareRewrap[]): Promise<number>
  stop(): Promise<void>
}

export async function startRewrapThreads(connection: ClientConfig, count: number): Promise<RewrapThreads> {
  const file = path.join(import.meta.dirname, 'rewrap-thread.ts')
  const workers = Array.from(
    { length: count },
    () => new Worker(file, { workerData: connection, execArgv: [] }),
  )
  // When a thread fails, the promise of its next message rejects.
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  return {
    async run(ranges) {
      const done = ranges.map(async (range, index) => {
        const worker = workers[index]
        if (worker === undefined) throw new RangeError('"ranges" expected one for each thread at most')
        const answer = once(worker, 'message') as Promise<[number]>
        worker.postMessage(range)
        return (await answer)[0]
      })
      return (await Promise.all(done)).reduce((sum, each) => sum + each, 0)
    },
    async stop() {
      const ended = workers.map((worker) => once(worker, 'exit'))
      for (const worker of workers) worker.postMessage('end')
      await Promise.all(ended)
    },
  }
}
