// How long the data plane takes to answer while a migration runs with its budget on, beside how long it takes without.
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createInternalKms } from '../../../../server/src/kms/internal-kms.ts'
import { readRootKeyFile } from '../../../../server/src/kms/root-key-file.ts'
import { callApi, createTenant, migrateTo, type Tenant } from '../../../../testkit/src/bench-api.ts'
import { createCustomerKey } from '../../../../testkit/src/customer-key.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../../testkit/src/keyhold-process.ts'
import { percentile } from '../../../../testkit/src/statistics/percentile.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { seedCipherkeys } from './seeded-tenant.ts'

const connections = 4
// Well below what a core can do: a server that is saturated has no idle p99 to compare with.
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
      const body = await tokenOf(keyhold, traffic)
      await sample(keyhold, traffic, body, sleep(warmUpMs))
      // The gauge learns how long replies take without a migration, as it would in any server.
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
  const file = path.join(dataDir, 'postgres-connection.json')
  const client = new pg.Client(JSON.parse(await readFile(file, 'utf8')) as pg.ClientConfig)
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string; key_arn: string; wrapped: Buffer }>(
      'select id, key_arn, wrapped from keyhold.tenant_keys where tenant_id = $1 and version = 1',
      [tenantId],
    )
    const [row] = rows
    if (row === undefined) throw new Error('the tenant has no tenant key')
    const ref = { tenantId, id: row.id, version: 1 }
    const kms = createInternalKms(await readRootKeyFile(path.join(dataDir, 'root-key')))
    const key = await kms.unwrapTenantKey(row.key_arn, row.wrapped, ref)
    await seedCipherkeys(client, { ...ref, key }, cipherkeys)
  } finally {
    await client.end()
  }
}

async function tokenOf({ url }: KeyholdProcess, { serviceToken }: Tenant): Promise<string> {
  const plaintext = Buffer.alloc(1_024, 7).toString('base64')
  const body = { items: [{ plaintext }] }
  const answer = await callApi(url, serviceToken, 'POST', '/api/v1/encryption/encrypt', body)
  const [item] = (answer as { items: { token: string }[] }).items
  return JSON.stringify({ items: [{ token: item?.token }] })
}

/** Sends requests until `end`, and answers how long each took. */
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
