// A thread that rewraps and checks cipherkeys, and knows no database and no KMS.
import type { TenantKey } from '@keyhold/core'
import os from 'node:os'
import { parentPort } from 'node:worker_threads'
import { findUnreadableRecords, rewrapRecords, type RewrapOrder } from './rewrap-records.ts'

/** A task for a thread. */
export type ThreadOrder =
  | ({ do: 'rewrap'; records: Uint8Array } & Omit<RewrapOrder, 'records'>)
  | { do: 'check'; records: Uint8Array; tenantKey: TenantKey }

const yieldingPriority = 10

// On Linux a priority belongs to a thread, so that the thread that answers requests comes first. Elsewhere it would
// belong to the process. One that has been lowered already may not be raised.
if (process.platform === 'linux' && os.getPriority() < yieldingPriority) os.setPriority(yieldingPriority)

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
