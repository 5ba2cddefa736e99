// One tenant on the real code: store, keyring, operations and engine, with a KMS and a clock that the test moves.
import { isKeyholdError, keyArnFingerprint, parseToken, type ErrorCode } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { runMigration } from '../../src/migration/engine/run-migration.ts'
import { createTenant } from '../../src/access/create-tenant.ts'
import { decrypt } from '../../src/data/decrypt.ts'
import { encrypt } from '../../src/data/encrypt.ts'
import { createRequestKeys, type RequestKeys } from '../../src/data/request-keys.ts'
import { registerKeyProvider } from '../../src/providers/register-key-provider.ts'
import { sql } from 'kysely'
import type { Failpoint, FailpointName } from '../../src/migration/engine/failpoint.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Database } from '../../src/store/database.ts'
import type { KeyJobPhase } from '../../src/store/tables.ts'
import type { Store } from '../../src/store/store.ts'
import type { Kek } from './model.ts'
import { createReplica, Killed, type Replica, type ReplicaOptions } from './replica.ts'
import { createRevocableKms, keyArns, type RevocableKms } from './revocable-kms.ts'

export interface TenantSettings {
  /** 0: nothing is held in memory. */
  ttlMs: number
  backupRetentionDays: number
}

// Longer than a refusal is remembered.
const stepMs = 1_001

export function fingerprintOf(kek: Kek, tenantId: string): string {
  return kek === 'root' ? tenantId : keyArnFingerprint(keyArns[kek])
}

export class TenantUnderTest {
  readonly tenantId = randomUUID()
  readonly kms: RevocableKms = createRevocableKms()
  readonly db: Database
  readonly store: Store
  readonly settings: TenantSettings
  replica: Replica
  #nowMs = 1_000_000
  #deadline: { name: FailpointName; hit: number } | undefined

  constructor(db: Database, store: Store, settings: TenantSettings) {
    this.db = db
    this.store = store
    this.settings = settings
    this.replica = this.createReplica({ failpoint: this.#onFailpoint })
  }

  readonly #onFailpoint: Failpoint = (name) => {
    if (this.#deadline?.name !== name || --this.#deadline.hit > 0) return
    this.replica.kill()
    throw new Killed(name)
  }

  async create(): Promise<this> {
    const naming = { internalKmsName: 'default', internalKmsDescription: '' }
    const parts = { store: this.store, kms: this.kms, internalKeyArn: keyArns.root, ...naming }
    await createTenant(parts, { id: this.tenantId, name: 'a tenant' }, systemActor)
    return this
  }

  createReplica(options: Pick<ReplicaOptions, 'failpoint' | 'observer'>, store = this.store): Replica {
    return createReplica({ ...this.settings, store, kms: this.kms, clock: () => this.#nowMs, ...options })
  }

  /** Everything in memory is gone; what was committed is there. */
  restart(): void {
    this.replica.kill()
    this.replica = this.createReplica({ failpoint: this.#onFailpoint })
  }

  step(): void {
    this.#nowMs += stepMs
  }

  expireCaches(): void {
    this.#nowMs += this.settings.ttlMs
  }

  async register(kek: Kek): Promise<void> {
    const parts = { store: this.replica.store, examineKey: this.kms.examineKey }
    const request = { tenantId: this.tenantId, arn: keyArns[kek], name: kek, description: '' }
    await registerKeyProvider(
      { ...parts, requireMultiRegion: false, requireContextCondition: false, issuerUrl: undefined },
      request,
      systemActor,
    )
  }

  #keys({ dataKeys }: Replica): RequestKeys {
    return createRequestKeys({ dataKeys }, this.tenantId)
  }

  async encrypt(keyName: string, plaintext: string, replica = this.replica): Promise<string> {
    const item = { value: { plaintext: Buffer.from(plaintext), keyName, context: {} } }
    const [outcome] = await encrypt(this.#keys(replica), [item])
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome')
    return outcome.value
  }

  async decrypt(token: string, replica = this.replica): Promise<string> {
    const item = { value: { token: parseToken(token), context: {} } }
    const [outcome] = await decrypt(this.#keys(replica), [item])
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome')
    return outcome.value.toString()
  }

  async findLiveJob(): Promise<{ id: string; phase: KeyJobPhase } | undefined> {
    return this.store.keyJobs.findLive(this.tenantId)
  }

  /** Leads the live key job for as long as it goes on; leases and pauses from before are over. */
  async letJobsRun(replica = this.replica): Promise<void> {
    const job = await this.findLiveJob()
    if (job === undefined) return
    await this.expireLease()
    const { signal } = new AbortController()
    await runMigration(replica.migration, job.id, { signal, onPause: () => undefined })
  }

  async expireLease(): Promise<void> {
    await sql`update keyhold.key_jobs set lead_expires_at = null, retry_at = null
      where tenant_id = ${this.tenantId}`.execute(this.db)
  }

  /** Does `work` on a replica that dies when it passes a failpoint for the n-th time; answers whether it died. */
  async killAt(deadline: { name: FailpointName; hit: number }, work: () => Promise<void>): Promise<boolean> {
    this.#deadline = deadline
    try {
      await work()
      return false
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      return true
    } finally {
      this.#deadline = undefined
      this.restart()
    }
  }
}

/** The code with which something was refused; undefined: it was not. Anything but a refusal goes on to be thrown. */
export async function refusalOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (isKeyholdError(error)) return error.code
    throw error
  }
}
