// A thread that rewraps and checks cipherkeys, and knows no database and no KMS.
import type { TenantKey } from '@keyhold/core'
import { parentPort } from 'node:worker_threads'
import { findUnreadableRecords, rewrapRecords, type RewrapOrder } from './rewrap-records.ts'
import { ownThreadId } from './thread-priority.ts'

/** A task for a thread. */
export type ThreadOrder =
  | ({ do: 'rewrap'; records: Uint8Array } & Omit<RewrapOrder, 'records'>)
  | { do: 'check'; records: Uint8Array; tenantKey: TenantKey }

/** The first message: by it the other side sets the priority of this thread. */
export interface ThreadStarted {
  threadId: number | undefined
}

parentPort?.postMessage({ threadId: ownThreadId() } satisfies ThreadStarted)

parentPort?.on('message', (order: ThreadOrder) => {
  const records = Buffer.from(order.records.buffer, order.records.byteOffset, order.records.byteLength)
  if (order.do === 'check') {
    parentPort?.postMessage({ unreadable: findUnreadableRecords(records, order.tenantKey) })
    return
  }
  const rewrapped = rewrapRecords({ ...order, records })
  const { buffer } = rewrapped.records
  parentPort?.postMessage(rewrapped, buffer instanceof ArrayBuffer ? [buffer] : [])
})
