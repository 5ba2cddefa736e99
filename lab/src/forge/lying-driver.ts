// A driver of PostgreSQL that lies to Keyhold, connection by connection. The connections of the experiment itself hear the truth.
import pg from 'pg'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'

/**
 * `older rows`: all connections, or half of them, read from the copies of before the last changes. `missing rows`: answers lack some of
 * their rows. `later` and `earlier`: the clock of the database is 31 days off.
 */
export const lies = [
  'older rows',
  'older rows on some connections',
  'missing rows',
  'later',
  'earlier',
] as const
export type Lie = (typeof lies)[number]

type Query = (this: pg.Client, ...values: unknown[]) => unknown

const shareOfMissing = 0.3
const clock = /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\(\)/gi
const table = /(?<![\w.])"?keyhold"?\."?(\w+)"?(?!\s*\()/g
const isPlainRead = (text: string) =>
  /^\s*(select|with)\b/i.test(text) && !/\bfor (no key )?(update|share)|\bfor key share/i.test(text)

/** Lies until the answer is called. */
export function lie(how: Lie, random: SeededRandom): { told: () => number; stop: () => void } {
  const clients = pg.Client.prototype as unknown as { query: Query }
  const { query } = clients
  const lying = new WeakMap<pg.Client, boolean>()
  let told = 0

  function changed(client: pg.Client, text: string): string {
    if (how === 'later' || how === 'earlier')
      return text.replace(clock, (call) => `(${call} ${how === 'later' ? '+' : '-'} interval '31 days')`)
    if (!how.startsWith('older rows') || !isPlainRead(text)) return text
    const lies = lying.get(client) ?? (how === 'older rows' || random.next() < 0.5)
    lying.set(client, lies)
    return lies
      ? text.replace(table, (whole, name: string) => (kept.has(name) ? `"older"."${name}"` : whole))
      : text
  }

  function thinned<Result>(result: Result): Result {
    const { rows } = result as { rows?: unknown[] }
    if (how === 'missing rows' && Array.isArray(rows) && rows.length > 0 && random.next() < shareOfMissing) {
      told++
      rows.splice(random.integer(0, rows.length - 1), 1)
    }
    return result
  }

  clients.query = function (this: pg.Client, ...values) {
    const name = (this as unknown as { connectionParameters: { application_name?: string } })
      .connectionParameters
    if (name.application_name?.startsWith('keyhold') !== true) return query.apply(this, values)
    const [first, ...rest] = values
    let asked = first
    if (typeof first === 'string') asked = changed(this, first)
    else if (typeof first === 'object' && first !== null && 'text' in first)
      asked = { ...first, text: changed(this, String(first.text)) }
    if (JSON.stringify(asked) !== JSON.stringify(first)) told++
    const answer = query.call(this, asked, ...rest)
    return answer instanceof Promise ? answer.then(thinned) : answer
  }
  return {
    told: () => told,
    stop() {
      clients.query = query
    },
  }
}

/** The tables that have copies and steer. */
const kept = new Set([
  'tenants',
  'tenant_guards',
  'tenant_keys',
  'key_providers',
  'key_jobs',
  'key_job_failures',
  'destructions',
  'minimum_versions',
  'api_keys',
  'key_health',
  'installation',
  'audit_heads',
  'audits',
])
