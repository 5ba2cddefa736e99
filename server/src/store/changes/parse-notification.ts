// Reads the notification of a change. Anybody who may connect to the database may send one, so it is no reason to fail, nor
// to pass over a row that says something else.
import type { StoredChange } from './change-reader.ts'

/** Undefined: no replica has sent it. */
export function parseNotification(payload: string): StoredChange | undefined {
  let sent: unknown
  try {
    sent = JSON.parse(payload)
  } catch {
    return undefined
  }
  if (typeof sent !== 'object' || sent === null) return undefined
  const { id, origin, content } = sent as Partial<Record<keyof StoredChange, unknown>>
  return typeof id === 'number' && typeof origin === 'string' ? { id, origin, content } : undefined
}
