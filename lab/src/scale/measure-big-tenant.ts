// The tenant that has a great part of all cipherkeys: usage, plan, a whole migration beside writers, and its deletion.
import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import { embeddedConnection } from '../../../testkit/src/process/embedded-connection.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { waitForMigration } from '../../../testkit/src/tenants/wait-for-migration.ts'
import { startKeyMakers } from '../large-tenant/key-makers.ts'
import { takeLongestHeldMs } from './fence-reports.ts'
import { tookMs, type MeasureParts } from './measure-parts.ts'
import type { MeasuredRow } from './rows.ts'

const works = 'cipherkeys of the big tenant'
const writers = 4
const pauseMs = 200
const stepMs = 250

export async function measureBigTenant(parts: MeasureParts): Promise<MeasuredRow[]> {
  const { scene, reports, problems, say } = parts
  const { keyhold, big } = scene
  const { url } = keyhold
  const admin = openClient(url, big.adminToken)
  const ms = (name: string, value: number, worksOn: MeasuredRow['worksOn'] = works): MeasuredRow => ({
    ...{ name, worksOn, unit: 'ms', value },
  })
  const internal = { params: { arnFingerPrint: big.tenantId } }
  const usageMs = await tookMs(() => admin.call('getKeyProviderUsage', internal))
  const fingerprint = await registerKey(url, big, await createCustomerKey(keyhold.kms.url))
  const planMs = await tookMs(() => admin.call('planMigration', { params: { arnFingerPrint: fingerprint } }))

  say('migration of the big tenant')
  reports.splice(0)
  const makers = startKeyMakers({
    ...{ url, writers, pauseMs },
    tenant: { ...big, serviceToken: big.serviceToken },
  })
  const migrationMs = await tookMs(async () => {
    await startMigration(url, big, fingerprint)
    await waitForMigration(url, big)
  })
  const { longestMs, p99Ms } = makers.take('during the migration')
  await makers.stop()
  for (const [answer, count] of makers.failures)
    problems.push(`${count} writers were answered with ${answer}`)
  const migrationFenceMs = takeLongestHeldMs(reports)
  problems.push(...(await findLeft(keyhold.dataDir, big.tenantId)))

  say('deletion of the big tenant')
  const deletionMs = await deleteTenant(parts)
  return [
    ms('usage of the key of the big tenant', usageMs),
    ms('plan of its migration', planMs),
    ms('its whole migration', migrationMs),
    ms('migration: longest that the fence was held', migrationFenceMs, 'nothing'),
    ms('migration: a new data key, p99', p99Ms, 'nothing'),
    ms('migration: longest pause of a writer', longestMs, 'nothing'),
    ms('its deletion', deletionMs),
    ms('deletion: longest that the fence was held', takeLongestHeldMs(reports), 'nothing'),
  ]
}

/** Cipherkeys that the migration has left under another version. */
async function findLeft(dataDir: string, tenantId: string): Promise<string[]> {
  const client = new pg.Client(embeddedConnection(dataDir))
  await client.connect()
  try {
    const { rows } = await client.query<{ version: number }>(
      'select distinct tenant_key_version as version from keyhold.cipherkeys where tenant_id = $1',
      [tenantId],
    )
    return rows.length === 1 && rows[0]?.version === 2
      ? []
      : [`the big tenant has cipherkeys under the versions ${rows.map(({ version }) => version).join()}`]
  } finally {
    await client.end()
  }
}

async function deleteTenant({ scene: { keyhold, big } }: MeasureParts): Promise<number> {
  const { url, operatorToken, dataDir } = keyhold
  const operator = openClient(url, operatorToken)
  const params = { tenantId: big.tenantId }
  const { body } = await operator.call('scheduleTenantDeletion', { params, body: { inDays: 7 } })
  await makeDue({ dataDir, databaseConnection: () => embeddedConnection(dataDir) }, body.id)
  return tookMs(async () => {
    for (;;) {
      const { body: found } = await operator.call('getAnyDestruction', { params: { destructionId: body.id } })
      if (found.state === 'destroyed') return
      await sleep(stepMs)
    }
  })
}
