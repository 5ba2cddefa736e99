// Races: two replicas in processes of their own are asked to migrate the same tenant at the same instant, again and
// again. Each time there must be exactly one migration, and the tenant's values must stay readable.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TenantClient } from '@keyhold/client'
import { isProblem } from '../../../testkit/src/cluster/is-problem.ts'
import { startCluster, type Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { ask } from '../requests/ask.ts'

export interface RacesOptions {
  /** How many races, of all tenants together. */
  races: number
  /** Tenants that race at the same time. */
  tenants: number
  say: (line: string) => void
}

export interface RacesResult {
  races: number
  /** Races after which there was exactly one more migration. */
  exactlyOne: number
  /** By the replica that began it. */
  wonBy: Record<string, number>
  /** The refusals of the losers, by status and code. */
  losers: Record<string, number>
  problems: string[]
}

interface Racer extends Tenant {
  fingerprints: [string, string]
  token: string
  races: number
}

const plaintext = 'raced for'
const providers = '/api/v1/encryption/keyproviders'
const migrationTimeoutMs = 120_000

const migrationStarted = 200
// A 200 says that the tenant is there already: the other replica's migration had ended before this one was asked.
const resetStarted = 205

export async function runRaces(options: RacesOptions): Promise<RacesResult> {
  const result: RacesResult = { races: 0, exactlyOne: 0, wonBy: {}, losers: {}, problems: [] }
  const cluster = await startCluster((line) => {
    if (isProblem(line)) result.problems.push(line)
  })
  try {
    await Promise.all(cluster.replicas.map((replica) => replica.start()))
    const lane = async () => {
      const racer = await createRacer(cluster)
      // Counted before the race, so that all lanes together race as often as the options say.
      while (result.races < options.races) {
        result.races += 1
        if (result.races % 50 === 0) options.say(`${result.races} races`)
        await race(cluster, racer, result)
      }
    }
    await Promise.all(Array.from({ length: options.tenants }, lane))
  } finally {
    await cluster.stop()
  }
  return result
}

async function createRacer(cluster: Cluster): Promise<Racer> {
  const url = urlOf(cluster, 0)
  const tenant = await createTenant(url, cluster.operatorToken)
  const fingerprint = await registerKey(url, tenant, await createCustomerKey(cluster.kms.url))
  const token = await dataPlane(url, tenant).encrypt(plaintext)
  return { ...tenant, fingerprints: [fingerprint, tenant.tenantId], token, races: 0 }
}

// Without retries: in a race every refusal counts.
function dataPlane(url: string, { serviceToken: token }: Tenant): TenantClient {
  return openClient(url, token, { maxRetries: 0 }).tenant()
}

async function race(cluster: Cluster, racer: Racer, result: RacesResult): Promise<void> {
  const target = racer.fingerprints[racer.races % 2 === 0 ? 0 : 1]
  const [path, wonStatus] =
    target === racer.tenantId
      ? [`${providers}/actions/reset-to-default-provider`, resetStarted]
      : [`${providers}/${target}/actions/migrate`, migrationStarted]
  racer.races += 1
  const answers = await Promise.all(
    cluster.replicas.map(async ({ name }, index) => {
      const question = { url: urlOf(cluster, index), token: racer.adminToken, path }
      return { name, ...(await ask({ ...question, timeoutMs: migrationTimeoutMs })) }
    }),
  )
  for (const { name, status, answer } of answers) {
    if (status === wonStatus) result.wonBy[name] = (result.wonBy[name] ?? 0) + 1
    else result.losers[answer] = (result.losers[answer] ?? 0) + 1
  }
  await untilMigrated(cluster, racer)
  const [row] = await cluster.sql(
    `select count(*) as jobs, count(*) filter (where phase = 'done') as done,
       (select count(*) from keyhold.key_providers where tenant_id = $1 and is_current and fingerprint = $2) as current
     from keyhold.key_jobs where tenant_id = $1`,
    [racer.tenantId, target],
  )
  const isOne = [row?.jobs, row?.done].every((count) => Number(count) === racer.races)
  if (isOne && Number(row?.current) === 1) result.exactlyOne += 1
  else result.problems.push(`${racer.tenantId}: ${JSON.stringify(row)} after ${racer.races} races`)
  if (answers.filter(({ status }) => status === wonStatus).length !== 1) {
    result.problems.push(`${racer.tenantId}: answered ${answers.map(({ answer }) => answer).join(' and ')}`)
  }
  for (let index = 0; index < cluster.replicas.length; index++) {
    const opened = await dataPlane(urlOf(cluster, index), racer).decryptText(racer.token)
    if (opened !== plaintext) result.problems.push(`${racer.tenantId}: another plaintext`)
  }
}

async function untilMigrated(cluster: Cluster, { tenantId }: Racer): Promise<void> {
  const deadlineMs = performance.now() + migrationTimeoutMs
  while (performance.now() < deadlineMs) {
    const [row] = await cluster.sql(
      `select count(*) as live from keyhold.key_jobs where tenant_id = $1 and phase not in ('done', 'aborted')`,
      [tenantId],
    )
    if (Number(row?.live) === 0) return
    await sleep(20)
  }
}

function urlOf({ replicas }: Cluster, index: number): string {
  const url = replicas[index]?.url
  if (url === undefined) throw new Error('a replica has ended')
  return url
}
