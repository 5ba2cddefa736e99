// Signs rows that are stored already, as they are: when they are adopted. Nothing else may sign what it did not write.
import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../database.ts'
import type { RowMacs } from './row-macs.ts'
import { columnsOfKind, steeringKinds, type SteeringKind, type StoredRow } from './steering-kinds.ts'

const sqlTypes: Readonly<Record<string, string>> = { text: 'text', uuid: 'uuid', integer: 'bigint' }

/**
 * Signs all rows of a kind for which the condition holds. They stay locked until the transaction ends.
 *
 * @returns how many had no right MAC
 */
export async function signRows(
  db: Database,
  macs: RowMacs,
  kind: SteeringKind,
  where: RawBuilder<unknown>,
): Promise<number> {
  const { table, mac, key, columns } = steeringKinds[kind]
  const from = sql.table(`keyhold.${table}`)
  const names = sql.join(columnsOfKind(kind).map((column) => sql.ref(column)))
  const order = sql.join(key.map((column) => sql.ref(column)))
  const { rows } = await sql<StoredRow<typeof kind>>`
    select ${names} from ${from} where ${where} order by ${order} for update`.execute(db)
  const signed = rows.flatMap((row) => {
    const values = row as Readonly<Record<string, unknown>>
    const next = macs.sign(kind, row)
    const before = values[mac]
    if (Buffer.isBuffer(before) && before.equals(next)) return []
    const name = Object.fromEntries(key.map((column): [string, unknown] => [column, values[column]]))
    return [{ ...name, new_mac: next.toString('hex') }]
  })
  if (signed.length === 0) return 0
  const types = columns as Readonly<Record<string, string>>
  const fields = key.map((column) => sql`${sql.ref(column)} ${sql.raw(sqlTypes[types[column] ?? ''] ?? '')}`)
  const matches = key.map((column) => sql`t.${sql.ref(column)} = v.${sql.ref(column)}`)
  await sql`
    update ${from} t set ${sql.ref(mac)} = decode(v.new_mac, 'hex')
    from jsonb_to_recordset(${JSON.stringify(signed)}::jsonb) v(${sql.join(fields)}, new_mac text)
    where ${sql.join(matches, sql` and `)}`.execute(db)
  return signed.length
}
