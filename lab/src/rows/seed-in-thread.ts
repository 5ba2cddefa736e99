// Seeds a tenant in a thread of its own.
import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { SeedOrder } from './seed-thread.ts'

export async function seedInThread(order: SeedOrder): Promise<void> {
  const file = path.join(import.meta.dirname, 'seed-thread.ts')
  const [status] = (await once(new Worker(file, { workerData: order, execArgv: [] }), 'exit')) as [number]
  if (status !== 0) throw new Error(`the thread that seeds cipherkeys ended with ${status}`)
}
