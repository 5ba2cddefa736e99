// Compares how long the data plane takes to answer during a migration with its budget on with how long it takes without.
import { Agent, request } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { readRootKeyFile } from '../../../../server/src/kms/root-key-file.ts'
import { createCustomerKey } from '../../../../testkit/src/customer/create-customer-key.ts'
import { embeddedConnection } from '../../../../testkit/src/process/embedded-connection.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
import { percentile } from '../../../../testkit/src/statistics/percentile.ts'
import { createTenant, type Tenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../../testkit/src/tenants/migrate-to.ts'
import { openClient } from '../../../../testkit/src/tenants/open-client.ts'
import { openTenantKey } from '../../rows/open-tenant-key.ts'
import { seedCipherkeys } from '../../rows/seed-cipherkeys.ts'
import { sqlOf } from '../../rows/sql.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'

const connections = 4
// Well below the limit of a core: a saturated server has no idle p99 to compare with.
const pauseMs = 8
const share = 0.99

export async function compareBesideTraffic(
  { besideTraffic, warmUpMs }: Pick<Sizes, 'besideTraffic' | 'warmUpMs'>,
  report: Report,
): Promise<void> {
  await orSkip('POST decrypt beside a migration', report, async () => {
    const keyhold = await startKeyholdProcess()
    try {
      const tenant = await createTenant(keyhold.url, keyhold.operatorToken)
      const traffic = await createTenant(keyhold.url, keyhold.operatorToken)
      await seed(keyhold, tenant, besideTraffic)
      const body = await bodyOf(keyhold, traffic)
      await sample(keyhold, traffic, body, sleep(warmUpMs))
      // As in any server, the gauge learns how long replies take without a migration.
      const before = await sample(keyhold, traffic, body, sleep(Math.max(1_000, warmUpMs)))
      const startMs = performance.now()
      const arn = await createCustomerKey(keyhold.kms.url)
      const during = await sample(keyhold, traffic, body, migrateTo(keyhold.url, tenant, arn))
      const tookMs = performance.now() - startMs
      const after = await sample(keyhold, traffic, body, sleep(Math.max(1_000, warmUpMs)))
      const idleMs = percentile([...before, ...after], share)
      const besideMs = percentile(during, share)
      return [
        {
          name: 'POST decrypt, p99 beside a migration that yields | without one',
          ours: besideMs,
          theirs: idleMs,
          unit: 'ms',
          ratio: idleMs / besideMs,
          goal: 0.5,
        },
        {
          name: `whole migration of ${besideTraffic.toLocaleString('en')} cipherkeys beside traffic | their number`,
          ours: (besideTraffic * 1_000) / tookMs,
          theirs: besideTraffic,
          unit: 'cipherkeys/s',
          ratio: 1_000 / tookMs,
        },
      ]
    } finally {
      await keyhold.stop()
    }
  })
}

async function seed({ dataDir }: KeyholdProcess, { tenantId }: Tenant, cipherkeys: number): Promise<void> {
  const client = new pg.Client(embeddedConnection(dataDir))
  await client.connect()
  try {
    const sql = sqlOf(client)
    const rootKey = await readRootKeyFile(path.join(dataDir, 'root-key'))
    await seedCipherkeys(sql, await openTenantKey({ sql, rootKey }, tenantId, 1), cipherkeys)
  } finally {
    await client.end()
  }
}

/** A request to decrypt one value of 1 KiB. */
async function bodyOf({ url }: KeyholdProcess, { serviceToken }: Tenant): Promise<string> {
  const client = openClient(url, serviceToken)
  const token = await client.tenant().encrypt(Buffer.alloc(1_024, 7))
  return JSON.stringify({ items: [{ token }] })
}

/** Sends requests until `end`, and answers how long each one took. */
async function sample(
  { url }: KeyholdProcess,
  { serviceToken }: Tenant,
  body: string,
  end: Promise<unknown>,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const headers = { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' }
  const took: number[] = []
  let isOver = false
  const ended = end.finally(() => {
    isOver = true
  })
  const drive = async () => {
    while (!isOver) {
      const startMs = performance.now()
      await new Promise<void>((resolve, reject) => {
        const sent = request(
          `${url}/api/v1/encryption/decrypt`,
          { method: 'POST', agent, headers },
          (answer) => {
            if (answer.statusCode !== 200) reject(new Error(`decrypt answered ${String(answer.statusCode)}`))
            answer.resume().on('end', resolve)
          },
        )
        sent.on('error', reject)
        sent.end(body)
      })
      took.push(performance.now() - startMs)
      await sleep(pauseMs)
    }
  }
  await Promise.all([ended, ...Array.from({ length: connections }, drive)])
  agent.destroy()
  return took
}
