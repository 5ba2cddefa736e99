// A worker thread that makes tenants and cipherkeys, and copies them into the database.
import type { TenantKey } from '@keyhold/core'
import pg from 'pg'
import { parentPort, workerData } from 'node:worker_threads'
import type { KeyObject } from 'node:crypto'
import { createRowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { cloneTenant, type ClonedTenant } from './clone-tenant.ts'
import { copyRows, type CopiedRow } from './copy-rows.ts'
import { copyTenants } from './copy-tenants.ts'
import type { ModelText } from './model-tenant.ts'
import { makeCipherkeys, namesFor, rowOf, valueUnder, type SeededCipherkey } from './seeded-cipherkeys.ts'
import { hasOwnKey } from './seeded-customers.ts'

/** The argument of the thread. */
export interface SeedOrder {
  connection: pg.ClientConfig
  root: { id: string; key: KeyObject; installationId: string }
  seed: string
  models: { own: ModelText; internal: ModelText }
  /** Makes the customers from the one number up to the other, which is left out. */
  tenants: { from: number; to: number; cipherkeysEach: number }
  /** Makes more cipherkeys of a tenant: from the one number, a multiple of the versions of a data key, up to the other. */
  more?: { tenantKey: TenantKey; from: number; to: number } | undefined
  /** How many tenants of each kind it tells of. */
  samples: number
}

/** A tenant, and a value that was encrypted for it. */
export interface SeededTenant {
  tenantId: string
  number: number
  hasOwnKey: boolean
  adminToken: string
  serviceToken: string
  /** Undefined: it has no cipherkey. */
  token: string | undefined
}

/** A message of the thread: how many it has copied, and of which tenants it tells. */
export interface SeedMessage {
  cipherkeys: number
  tenants: SeededTenant[]
}

const tenantsAtOnce = 200
const cipherkeysAtOnce = 10_000

async function run({ connection, root, seed, models, tenants, more, samples }: SeedOrder): Promise<void> {
  const macs = createRowMacs()
  macs.open({
    rootKeyId: root.id,
    rootKey: root.key,
    installationId: root.installationId,
    requiresMacs: true,
  })
  const client = new pg.Client(connection)
  await client.connect()
  const parts = { macs, rootKey: root, seed }
  let told = 0
  let waiting: CopiedRow[] = []

  async function copyCipherkeys(rows: readonly SeededCipherkey[], isLast = false): Promise<void> {
    for (const row of rows) waiting.push(rowOf(row))
    if (waiting.length < (isLast ? 1 : cipherkeysAtOnce)) return
    const copied = waiting
    waiting = []
    await copyRows(client, 'cipherkeys', copied)
    parentPort?.postMessage({ cipherkeys: copied.length, tenants: [] } satisfies SeedMessage)
  }

  for (let from = tenants.from; from < tenants.to; from += tenantsAtOnce) {
    const made: (ClonedTenant & { number: number })[] = []
    for (let number = from; number < Math.min(from + tenantsAtOnce, tenants.to); number++) {
      const model = hasOwnKey(number) ? models.own : models.internal
      made.push({ ...(await cloneTenant(parts, model, number)), number })
    }
    await copyTenants(client, made, namesFor(tenants.cipherkeysEach))
    for (const { number, tenantId, tenantKey, adminToken, serviceToken } of made) {
      const cipherkeys = makeCipherkeys(tenantKey, 0, tenants.cipherkeysEach)
      await copyCipherkeys(cipherkeys)
      if (told >= samples) continue
      told++
      const sample: SeededTenant = {
        ...{ tenantId, number, hasOwnKey: hasOwnKey(number) },
        ...{ adminToken, serviceToken },
        token: cipherkeys[0] && valueUnder(tenantKey, cipherkeys[0]),
      }
      parentPort?.postMessage({ cipherkeys: 0, tenants: [sample] } satisfies SeedMessage)
    }
  }
  if (more !== undefined) {
    for (let from = more.from; from < more.to; from += cipherkeysAtOnce)
      await copyCipherkeys(makeCipherkeys(more.tenantKey, from, Math.min(from + cipherkeysAtOnce, more.to)))
  }
  await copyCipherkeys([], true)
  await client.end()
}

await run(workerData as SeedOrder)
