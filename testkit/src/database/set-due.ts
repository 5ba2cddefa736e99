// Brings the day of a destruction nearer, as if the days had passed: the row, its MAC and the manifest of its tenant agree, as
// Keyhold would have left them.
import { sql } from 'kysely'
import { columnsOfKind } from '../../../server/src/store/authentic/steering-kinds.ts'
import type { Store } from '../../../server/src/store/store.ts'

type Fences = Pick<Store, 'transaction' | 'withFence'>

/** @param inMs - from now on; below 0: it is due since then */
export async function setDue(store: Fences, id: string, inMs = 0): Promise<void> {
  await changeDestruction(
    store,
    id,
    `due_at = date_trunc('milliseconds', clock_timestamp()) + interval '${inMs} ms'`,
  )
}

/** @param change - of an `update` */
export async function changeDestruction(store: Fences, id: string, change: string): Promise<void> {
  const { tenant_id: tenantId } = await store.transaction(({ handle }) =>
    handle.selectFrom('destructions').select('tenant_id').where('id', '=', id).executeTakeFirstOrThrow(),
  )
  await store.withFence(tenantId, async ({ handle, macs, manifest }) => {
    await sql`update keyhold.destructions set ${sql.raw(change)} where id = ${id}`.execute(handle)
    const row = await handle
      .selectFrom('destructions')
      .select(columnsOfKind('destruction'))
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const mac = macs.sign('destruction', row)
    await handle.updateTable('destructions').set({ mac }).where('id', '=', id).execute()
    if (row.cancelled_at === null && row.destroyed_at === null) manifest.set('destruction', id, mac)
    else manifest.delete('destruction', id)
  })
}
