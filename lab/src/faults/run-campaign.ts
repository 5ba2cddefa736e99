// A campaign: migrations to and fro on two replicas, values encrypted and decrypted meanwhile, and everything that can
// fail made to fail; after each migration, and at the end with cold caches, the oracle opens every key.
import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { customerCredentials } from '../../../testkit/src/customer-key.ts'
import { createSeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { failpointNames } from '../../../server/src/migration/engine/failpoint.ts'
import { startCluster, type Cluster } from '../../../testkit/src/cluster/cluster.ts'
import { checkAudits } from './check-audits.ts'
import { createFailpointPlan, type FailpointPlan } from './failpoint-plan.ts'
import { faultKinds, missingFaults, pickFault, type FaultName } from './inject.ts'
import { createOracle, type Oracle } from './oracle.ts'
import { createRevocations, isRevoked, revokeKey, type Revocations } from './revoke-key.ts'
import { createTrafficCounts, decryptSome, encryptNew, type TrafficCounts } from './traffic.ts'
import { createWatchedTenant, providers, type WatchedTenant } from './watched-tenant.ts'

export interface CampaignOptions {
  /** Goes on until at least so many processes were killed. */
  kills: number
  /** Data keys of each tenant at the beginning. */
  cipherkeys: number
  tenants: number
  seed: number
  /** When it aborts, nothing more is broken, and what has been is judged. */
  signal?: AbortSignal
  say: (line: string) => void
}

/** What came of it; the first members are the last line of `npm run faults`. */
export interface CampaignResult {
  kills: number
  /** Migrations that ended, completed or cancelled. */
  migrations: number
  keys: number
  lost: number
  wrong: number
  /** Migrations that did not end by themselves once the faults were over. */
  manual: number
  failpointsHit: number
  failpoints: number
  seed: number
  details: {
    completed: number
    aborted: number
    faults: Partial<Record<FaultName, number>>
    /** How often a failpoint killed, threw, cut or delayed. */
    failpointActions: Record<string, number>
    revocations: Omit<Revocations, 'problems'>
    /** Faults that cannot be done here, with the reason. */
    missingFaults: string[]
    traffic: Omit<TrafficCounts, 'unexpected' | 'wrong'>
    missedFailpoints: string[]
    problems: string[]
  }
}

const tickMs = 250
const faultEveryTicks = 10
const revokeEveryTicks = 120
const migrationsAtOnce = 2
const cancelShare = 0.35
const failpointPatienceMs = 8_000
const recoveryMs = 180_000
const tokensAtOnce = 20

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const random = createSeededRandom(options.seed)
  const problems: string[] = []
  const cluster = await startCluster((line) => {
    if (/ERR_INTERNAL|"level":(50|60)/.test(line)) problems.push(line)
  })
  const oracle = createOracle(cluster)
  try {
    const campaign = new Campaign(options, cluster, oracle, random, problems)
    await campaign.prepare()
    await campaign.attack()
    return await campaign.conclude()
  } finally {
    oracle.close()
    await cluster.stop()
  }
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #cluster: Cluster
  readonly #oracle: Oracle
  readonly #random: ReturnType<typeof createSeededRandom>
  readonly #problems: string[]
  readonly #traffic = createTrafficCounts()
  readonly #faults: Partial<Record<FaultName, number>> = {}
  readonly #plan: FailpointPlan
  readonly #revocations = createRevocations()
  readonly #counted = new Set<string>()
  /** Key jobs for which it is decided whether they are cancelled. */
  readonly #weighed = new Set<string>()
  readonly #completed = new Set<string>()
  readonly #lost = new Set<string>()
  readonly #wrong = new Set<string>()
  readonly #leastStale = new Map<string, number>()
  /** Tenants in which a migration has ended since they were last examined. */
  readonly #due = new Set<WatchedTenant>()
  #tenants: WatchedTenant[] = []
  #postmasterKills = 0

  constructor(
    options: CampaignOptions,
    cluster: Cluster,
    oracle: Oracle,
    random: ReturnType<typeof createSeededRandom>,
    problems: string[],
  ) {
    this.#options = options
    this.#cluster = cluster
    this.#oracle = oracle
    this.#random = random
    this.#plan = createFailpointPlan(cluster.replicas, random)
    this.#problems = problems
  }

  async prepare(): Promise<void> {
    await Promise.all(this.#cluster.replicas.map((replica) => replica.start()))
    const { cipherkeys, tenants, say } = this.#options
    for (let index = 0; index < tenants; index++) {
      this.#tenants.push(
        await createWatchedTenant(this.#cluster, this.#url() ?? '', cipherkeys, (tenantId, version) =>
          this.#oracle.openTenantKey(tenantId, version),
        ),
      )
    }
    say(`${tenants} tenants with ${cipherkeys} data keys each`)
  }

  async attack(): Promise<void> {
    const { kills, signal, say } = this.#options
    const running = new Set<Promise<void>>()
    const inBackground = (work: Promise<void>) => {
      const watched = work
        .catch((error: unknown) => {
          this.#problems.push(`campaign: ${String(error)}`)
        })
        .finally(() => running.delete(watched))
      running.add(watched)
    }
    let saidMs = performance.now()
    for (let tick = 0; this.#kills() < kills && signal?.aborted !== true; tick++) {
      await sleep(tickMs)
      for (const replica of this.#cluster.replicas) {
        if (!replica.isRunning) inBackground(replica.start(this.#plan.next()))
        // Its failpoint may never be reached; then it dies anywhere.
        else if (replica.servingMs > failpointPatienceMs) inBackground(replica.kill())
      }
      if (tick % faultEveryTicks === 0 && this.#url() !== undefined) {
        const name = pickFault(this.#cluster, this.#random)
        this.#faults[name] = (this.#faults[name] ?? 0) + 1
        if (name === 'kill the postmaster') this.#postmasterKills += 1
        inBackground(faultKinds[name].run(this.#cluster, this.#random))
      }
      if (tick % revokeEveryTicks === 0) {
        inBackground(revokeKey(this.#cluster, this.#tenants, this.#random, this.#revocations))
      }
      inBackground(this.#sendTraffic())
      await this.#watchMigrations(inBackground)
      if (performance.now() - saidMs > 10_000) {
        saidMs = performance.now()
        say(
          `${this.#kills()} kills, ${this.#counted.size} migrations, ${this.#plan.killedAt().size} failpoints, ${this.#traffic.encrypted} encrypted, lost ${this.#lost.size}, wrong ${this.#wrong.size + this.#traffic.wrong.length}`,
        )
      }
    }
    await Promise.all(running)
  }

  async conclude(): Promise<CampaignResult> {
    const { replicas } = this.#cluster
    await this.#restart()
    const deadlineMs = performance.now() + recoveryMs
    let live: Record<string, unknown>[]
    for (;;) {
      live = await this.#cluster.sql(
        `select id, phase, last_error from keyhold.key_jobs where phase not in ('done', 'aborted')`,
      )
      if (live.length === 0 || performance.now() > deadlineMs) break
      await sleep(500)
    }
    for (const job of live) this.#problems.push(`still live: ${JSON.stringify(job)}`)
    await this.#countEnded()
    for (const tenant of this.#tenants) await this.#examine(tenant)
    await this.#readAllWithoutFormerKeys()
    await Promise.all(replicas.map((replica) => replica.stop()))

    const hit = this.#plan.killedAt()
    const { encrypted, decrypted, refused } = this.#traffic
    const { problems: lateOnes, ...revocations } = this.#revocations
    this.#problems.push(...this.#traffic.unexpected, ...lateOnes)
    return {
      kills: this.#kills(),
      migrations: this.#counted.size,
      keys: this.#tenants.reduce((sum, tenant) => sum + tenant.checkValues.size, 0),
      lost: this.#lost.size,
      wrong: this.#wrong.size + this.#traffic.wrong.length,
      manual: live.length,
      failpointsHit: hit.size,
      failpoints: failpointNames.length,
      seed: this.#options.seed,
      details: {
        completed: this.#completed.size,
        aborted: this.#counted.size - this.#completed.size,
        faults: this.#faults,
        failpointActions: this.#plan.actions(),
        revocations,
        missingFaults: missingFaults(this.#cluster),
        traffic: { encrypted, decrypted, refused },
        missedFailpoints: failpointNames.filter((name) => !hit.has(name)),
        problems: [
          ...this.#problems,
          ...[...this.#lost].map((each) => `lost: ${each}`),
          ...[...this.#wrong, ...this.#traffic.wrong].map((each) => `wrong: ${each}`),
        ],
      },
    }
  }

  #kills(): number {
    return this.#cluster.replicas.reduce((sum, { kills }) => sum + kills, this.#postmasterKills)
  }

  #url(): string | undefined {
    const running = this.#cluster.replicas.flatMap(({ url }) => (url === undefined ? [] : [url]))
    return running.length === 0 ? undefined : this.#random.pick(running)
  }

  async #sendTraffic(): Promise<void> {
    const url = this.#url()
    const tenant = this.#random.pick(this.#tenants)
    const from = this.#random.integer(0, Math.max(0, tenant.tokens.length - tokensAtOnce))
    if (url === undefined) return
    await encryptNew(url, tenant, this.#random, this.#traffic)
    await decryptSome(url, tenant, tenant.tokens.slice(from, from + tokensAtOnce), this.#traffic)
  }

  async #watchMigrations(inBackground: (work: Promise<void>) => void): Promise<void> {
    for (const tenant of await this.#countEnded()) this.#due.add(tenant)
    for (const tenant of this.#due) {
      // Without its key the oracle can open nothing either.
      if (isRevoked(tenant)) continue
      this.#due.delete(tenant)
      await this.#examine(tenant)
    }
    const live = await this.#cluster.sql(
      `select j.id, j.tenant_id, j.phase, j.source_version, j.target_version,
         (select count(*) from keyhold.cipherkeys c
          where c.tenant_id = j.tenant_id and c.tenant_key_version <> j.target_version) as stale
       from keyhold.key_jobs j where j.phase not in ('done', 'aborted')`,
    )
    for (const { id, phase, stale } of live)
      if (phase !== 'aborting') this.#checkStale(String(id), Number(stale), String(phase))
    const url = this.#url()
    if (url === undefined) return
    const busy = new Set(live.map((row) => row.tenant_id))
    const idle = this.#tenants.filter((tenant) => !busy.has(tenant.tenantId) && !isRevoked(tenant))
    for (const job of live) {
      const tenant = this.#tenants.find(({ tenantId }) => tenantId === job.tenant_id)
      if (tenant === undefined || job.phase === 'aborting') continue
      const path = `/api/v1/encryption/migrations/${String(job.id)}/actions/cancel`
      // Failpoints on the way back are reached through a cancellation alone, and some on that very replica.
      for (const { failpoints, url: armedUrl } of this.#cluster.replicas) {
        const [name, at] = /^migration\.(cancel|abort)\.[a-z-]+/.exec(failpoints ?? '') ?? []
        if (name === undefined || armedUrl === undefined || this.#plan.killedAt().has(name)) continue
        this.#weighed.add(String(job.id))
        inBackground(this.#ask(at === 'cancel' ? armedUrl : url, tenant, path))
      }
      if (this.#weighed.has(String(job.id))) continue
      this.#weighed.add(String(job.id))
      if (this.#random.next() < cancelShare) {
        inBackground(sleep(this.#random.integer(0, 1_000)).then(() => this.#ask(url, tenant, path)))
      }
    }
    if (live.length >= migrationsAtOnce || idle.length === 0) return
    const tenant = this.#random.pick(idle)
    const fingerprint = this.#random.pick(tenant.fingerprints)
    const path =
      fingerprint === tenant.tenantId
        ? `${providers}/actions/reset-to-default-provider`
        : `${providers}/${fingerprint}/actions/migrate`
    inBackground(this.#ask(url, tenant, path))
  }

  // After dual nothing comes under an old version any more.
  #checkStale(keyJobId: string, stale: number, phase: string): void {
    if (phase === 'prepare' || phase === 'dual') return
    const least = this.#leastStale.get(keyJobId) ?? Number.POSITIVE_INFINITY
    if (stale > least) this.#problems.push(`${keyJobId}: ${stale} stale after ${least}`)
    this.#leastStale.set(keyJobId, Math.min(least, stale))
  }

  // What becomes of it is seen in the database, whatever is answered, or not.
  async #ask(url: string, { adminToken }: WatchedTenant, path: string): Promise<void> {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}` },
      signal: AbortSignal.timeout(10_000),
    }).catch(() => undefined)
    const status = answer?.status ?? 0
    // Refused for what the faults have caused, or for what another request did first.
    if (![0, 200, 205, 404, 406, 408, 409, 412, 424, 428, 503].includes(status)) {
      this.#problems.push(`${path} answered ${status}: ${(await answer?.text()) ?? ''}`)
    }
  }

  async #countEnded(): Promise<WatchedTenant[]> {
    const rows = await this.#cluster.sql(
      `select id, tenant_id, phase from keyhold.key_jobs where phase in ('done', 'aborted')`,
    )
    const fresh = rows.filter(({ id }) => !this.#counted.has(String(id)))
    for (const { id, phase } of fresh) {
      this.#counted.add(String(id))
      if (phase === 'done') this.#completed.add(String(id))
    }
    const ids = new Set(fresh.map(({ tenant_id: id }) => id))
    return this.#tenants.filter(({ tenantId }) => ids.has(tenantId))
  }

  async #examine(tenant: WatchedTenant): Promise<void> {
    // A KMS that is made to fail is no loss; the oracle waits until it answers.
    for (let attempt = 1; ; attempt++) {
      const before = this.#faultyKms() || isRevoked(tenant)
      const verdict = await this.#oracle.examine(tenant)
      if (verdict.lost.length + verdict.wrong.length > 0 && before && attempt < 200) {
        await sleep(200)
        continue
      }
      const isMoving = await this.#isMoving(tenant)
      if (verdict.lost.length > 0 && isMoving && attempt < 50) continue
      for (const each of verdict.lost) this.#lost.add(each)
      for (const each of verdict.wrong) this.#wrong.add(each)
      this.#problems.push(...verdict.broken, ...(await checkAudits(this.#cluster, tenant.tenantId)))
      return
    }
  }

  #faultyKms(): boolean {
    return this.#cluster.kms.faults.list().length > 0
  }

  // Rows and tenant keys are read one after the other: a cutover in between looks like a loss.
  async #isMoving({ tenantId }: WatchedTenant): Promise<boolean> {
    const [row] = await this.#cluster.sql(
      `select count(*) as live from keyhold.key_jobs
       where tenant_id = $1 and (phase not in ('done', 'aborted') or completed_at > now() - interval '5 s')`,
      [tenantId],
    )
    return Number(row?.live) > 0
  }

  async #restart(): Promise<void> {
    for (const replica of this.#cluster.replicas) {
      await replica.kill()
      for (let attempt = 0; replica.url === undefined && attempt < 10; attempt++) await replica.start()
    }
  }

  // With cold caches, and with every key disabled that is not its tenant's current one: nothing may need it.
  async #readAllWithoutFormerKeys(): Promise<void> {
    const kms = new KMSClient({
      region: 'eu-west-1',
      endpoint: this.#cluster.kms.url,
      credentials: customerCredentials,
    })
    const former = await this.#cluster.sql(
      `select key_arn from keyhold.key_providers where kms = 'aws' and not is_current`,
    )
    try {
      for (const { key_arn: KeyId } of former) await kms.send(new DisableKeyCommand({ KeyId: String(KeyId) }))
      await this.#restart()
      for (const tenant of this.#tenants) {
        for (const { url } of this.#cluster.replicas) {
          const isRead = url !== undefined && (await decryptSome(url, tenant, tenant.tokens, this.#traffic))
          if (!isRead)
            this.#lost.add(`${tenant.tenantId}: its tokens cannot be read with its current key alone`)
        }
        await this.#examine(tenant)
      }
      for (const { key_arn: KeyId } of former) await kms.send(new EnableKeyCommand({ KeyId: String(KeyId) }))
    } finally {
      kms.destroy()
    }
  }
}
