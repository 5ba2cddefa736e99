// Loaded into the server's process before its own code. It reports each time somebody had a tenant's fence alone: how long
// that was waited for, and how long it was held.
import pg from 'pg'

/** One holding of a fence. */
export interface FenceReport {
  waitedMs: number
  heldMs: number
}

type Query = (this: pg.Client, ...values: unknown[]) => Promise<unknown>

const holders = new Map<pg.Client, { waitedMs: number; sinceMs: number }>()
const clients = pg.Client.prototype as unknown as { query: Query }
const { query } = clients

clients.query = function (...values) {
  const [text] = values
  if (typeof text !== 'string') return query.apply(this, values)
  if (text.includes('keyhold.fence_alone(')) return take(this, values)
  const holder = holders.get(this)
  if (holder === undefined || !/^(commit|rollback)/.test(text)) return query.apply(this, values)
  holders.delete(this)
  return query.apply(this, values).finally(() => {
    const { waitedMs, sinceMs } = holder
    process.send?.({ waitedMs, heldMs: performance.now() - sinceMs } satisfies FenceReport)
  })
}

async function take(client: pg.Client, values: unknown[]): Promise<unknown> {
  const startMs = performance.now()
  const result = await query.apply(client, values)
  const sinceMs = performance.now()
  holders.set(client, { waitedMs: sinceMs - startMs, sinceMs })
  return result
}

// The channel alone must not keep the server alive.
process.channel?.unref()
