// Brings the database's schema to that of this version, once, however many replicas start at the same moment.
import { KeyholdError } from '@keyhold/core'
import { sql, type Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { setTimeout } from 'node:timers/promises'
import type { Database } from '../database.ts'
import { firstSchema } from './migrations/0001-to-0013/0001-first-schema.ts'
import { retiredTenantIds } from './migrations/0001-to-0013/0002-retired-tenant-ids.ts'
import { retiredVersions } from './migrations/0001-to-0013/0003-retired-versions.ts'
import { keyJobControl } from './migrations/0001-to-0013/0004-key-job-control.ts'
import { keyAccess } from './migrations/0001-to-0013/0005-key-access.ts'
import { destructions } from './migrations/0001-to-0013/0006-destructions.ts'
import { keyHealth } from './migrations/0001-to-0013/0007-key-health.ts'
import { audits } from './migrations/0001-to-0013/0008-audits.ts'
import { kmsUsage } from './migrations/0001-to-0013/0009-kms-usage.ts'
import { tenantSettings } from './migrations/0001-to-0013/0010-tenant-settings.ts'
import { resumedProof } from './migrations/0001-to-0013/0011-resumed-proof.ts'
import { keyJobKinds } from './migrations/0001-to-0013/0012-key-job-kinds.ts'
import { leadAndClaim } from './migrations/0001-to-0013/0013-lead-and-claim.ts'
import { fenceAndPartitions } from './migrations/0014-to-0025/0014-fence-and-partitions.ts'
import { backgroundWork } from './migrations/0014-to-0025/0017-background-work.ts'
import { replicas } from './migrations/0014-to-0025/0018-replicas.ts'
import { usesOfAKek } from './migrations/0014-to-0025/0016-uses-of-a-kek.ts'
import { listsAndCounts } from './migrations/0014-to-0025/0019-lists-and-counts.ts'
import { destroyedCipherkeys } from './migrations/0014-to-0025/0019b-destroyed-cipherkeys.ts'
import { failureCounts } from './migrations/0014-to-0025/0021-failure-counts.ts'
import { denyingPolicy } from './migrations/0014-to-0025/0022-denying-policy.ts'
import { aliasProblem } from './migrations/0014-to-0025/0023-alias-problem.ts'
import { accessOfVersions } from './migrations/0014-to-0025/0025-access-of-versions.ts'
import { authenticRows } from './migrations/0026-authentic-rows.ts'
import { whatReplicasHold } from './migrations/0028-what-replicas-hold.ts'
import { auditCheckpoints } from './migrations/0027-audit-checkpoints.ts'
import { authenticKeyJobs } from './migrations/0029-authentic-key-jobs.ts'
import { formatOfTenantKeys } from './migrations/0030-format-of-tenant-keys.ts'
import { reasonOfALock } from './migrations/0031-reason-of-a-lock.ts'
import { setupDrafts } from './migrations/0032-setup-drafts.ts'
import { searchedLists } from './migrations/0033-searched-lists.ts'
import { historyOfDrills } from './migrations/0037-history-of-drills.ts'
import { brand } from './migrations/0038-brand.ts'
import { formerSigningKeys } from './migrations/0034-former-signing-keys.ts'
import { limitsOfApiKeys } from './migrations/0035-limits-of-api-keys.ts'
import { usesOfApiKeys } from './migrations/0036-uses-of-api-keys.ts'
import { issuerKeys } from './migrations/0040-issuer-keys.ts'
import { webIdentity } from './migrations/0041-web-identity.ts'
import { replicasOfAnIssuer } from './migrations/0042-replicas-of-an-issuer.ts'
import { apiKeysOfTenant } from './migrations/0046-api-keys-of-tenant.ts'
import { namesOfBlindIndexes } from './migrations/0047-names-of-blind-indexes.ts'
import { sessions } from './migrations/0048-to-0051/0048-sessions.ts'
import { setupLinks } from './migrations/0048-to-0051/0049-setup-links.ts'
import type { Tables } from '../tables.ts'

// Names are compared as text; a migration that has shipped is never edited.
const schemaMigrations: Record<string, Migration> = {
  '0001-first-schema': firstSchema,
  '0002-retired-tenant-ids': retiredTenantIds,
  '0003-retired-versions': retiredVersions,
  '0004-key-job-control': keyJobControl,
  '0005-key-access': keyAccess,
  '0006-destructions': destructions,
  '0007-key-health': keyHealth,
  '0008-audits': audits,
  '0009-kms-usage': kmsUsage,
  '0010-tenant-settings': tenantSettings,
  '0011-resumed-proof': resumedProof,
  '0012-key-job-kinds': keyJobKinds,
  '0013-lead-and-claim': leadAndClaim,
  '0014-fence-and-partitions': fenceAndPartitions,
  '0017-background-work': backgroundWork,
  '0018-replicas': replicas,
  '0016-uses-of-a-kek': usesOfAKek,
  '0019-lists-and-counts': listsAndCounts,
  '0019b-destroyed-cipherkeys': destroyedCipherkeys,
  '0021-failure-counts': failureCounts,
  '0022-denying-policy': denyingPolicy,
  '0023-alias-problem': aliasProblem,
  '0025-access-of-versions': accessOfVersions,
  '0026-authentic-rows': authenticRows,
  '0028-what-replicas-hold': whatReplicasHold,
  '0027-audit-checkpoints': auditCheckpoints,
  '0029-authentic-key-jobs': authenticKeyJobs,
  '0030-format-of-tenant-keys': formatOfTenantKeys,
  '0031-reason-of-a-lock': reasonOfALock,
  '0032-setup-drafts': setupDrafts,
  '0033-searched-lists': searchedLists,
  '0034-former-signing-keys': formerSigningKeys,
  '0035-limits-of-api-keys': limitsOfApiKeys,
  '0036-uses-of-api-keys': usesOfApiKeys,
  '0037-history-of-drills': historyOfDrills,
  '0038-brand': brand,
  '0040-issuer-keys': issuerKeys,
  '0041-web-identity': webIdentity,
  '0042-replicas-of-an-issuer': replicasOfAnIssuer,
  '0046-api-keys-of-tenant': apiKeysOfTenant,
  '0047-names-of-blind-indexes': namesOfBlindIndexes,
  '0048-sessions': sessions,
  '0049-setup-links': setupLinks,
}

// Replicas of the version before cannot go on working after these. All others add what the version before leaves alone. One that
// requires MACs takes a tenant key of format 2 for forged.
const stopsEarlier = new Set([
  '0012-key-job-kinds',
  '0014-fence-and-partitions',
  '0030-format-of-tenant-keys',
])

// Any fixed number that no other program on the same server is likely to lock: "keyhold" in ASCII, cut to 52 bits.
const lockId = 0x6b6579686f6c6
const migrationTable = 'schema_migrations'
const lockPauseMs = 50
const lockAttempts = 6_000

/**
 * Runs the missing schema migrations, then `andThen`, both under one advisory lock. Answers what `andThen` answers.
 *
 * @param andThen - creates other objects in the database, such as the job queue's own schema. It gets the names of the schema
 * migrations that were run, and the connection that has the lock: a command beside a running server has no other one.
 * @throws KeyholdError `ERR_SCHEMA_NEWER` when a newer version of Keyhold was here before, and `ERR_SCHEMA_OLDER` when
 * something is missing and the database role may not make it
 */
export async function migrateSchema<Result>(
  db: Database,
  andThen: (ran: string[], connection: Database) => Promise<Result>,
): Promise<Result> {
  return db.connection().execute(async (connection) => {
    await lock(connection)
    try {
      const done = await readExecuted(connection)
      refuseNewerSchema(done)
      const missing = missingAfter(done)
      // To find out that nothing is missing, the migrator would read all columns of all tables, again and again.
      if (missing.length > 0) {
        await orOlderSchema(missing.join(', '), async () => {
          await sql`create schema if not exists keyhold`.execute(connection)
          await runMissing(connection)
        })
      }
      return await andThen(missing, connection)
    } finally {
      await sql`select pg_advisory_unlock(${lockId})`.execute(connection)
    }
  })
}

// Insufficient privilege, of PostgreSQL's appendix A.
const noRight = '42501'

export function isMissingRight(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === noRight
}

/**
 * Makes something in the schema, or looks at it.
 *
 * @throws KeyholdError `ERR_SCHEMA_OLDER` if the database role may not
 */
export async function orOlderSchema<Result>(missing: string, make: () => Promise<Result>): Promise<Result> {
  try {
    return await make()
  } catch (cause) {
    if (!isMissingRight(cause)) throw cause
    throw new KeyholdError('ERR_SCHEMA_OLDER', {
      message: `The schema of the database is older than this version of Keyhold (${missing}), and this database role may not change it: run "keyhold-server migrate" with the role that owns the tables, and with "--serve-role" if this one only serves.`,
      cause,
    })
  }
}

export interface SchemaState {
  /** Names of the schema migrations that this version has and the database has not. */
  missing: string[]
  /** Those of them before which all replicas must be stopped; none where nothing is there yet. */
  needingStop: string[]
}

/**
 * Looks at the schema, and changes nothing.
 *
 * @throws KeyholdError `ERR_SCHEMA_NEWER`, and `ERR_SCHEMA_OLDER` when the database role may not look
 */
export async function lookAtSchema(db: Database): Promise<SchemaState> {
  const done = await readExecuted(db)
  refuseNewerSchema(done)
  const missing = missingAfter(done)
  return { missing, needingStop: done.length === 0 ? [] : missing.filter((name) => stopsEarlier.has(name)) }
}

function missingAfter(done: readonly string[]): string[] {
  return Object.keys(schemaMigrations)
    .filter((name) => !done.includes(name))
    .toSorted()
}

// It asks again and again, since a wait inside the database would meet the time limit of statements.
async function lock(db: Kysely<Tables>): Promise<void> {
  for (let attempt = 0; attempt < lockAttempts; attempt++) {
    const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_lock(${lockId}) as locked`.execute(
      db,
    )
    if (rows[0]?.locked === true) return
    await setTimeout(lockPauseMs)
  }
  throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
    message:
      'Another process has been changing the schema for minutes: see what it waits for, and start again.',
  })
}

function readExecuted(db: Kysely<Tables>): Promise<string[]> {
  return orOlderSchema('its schema migrations cannot be read', () => executedMigrations(db))
}

async function executedMigrations(db: Kysely<Tables>): Promise<string[]> {
  const { rows: tables } = await sql<{ present: boolean }>`
    select to_regclass(${`keyhold.${migrationTable}`}) is not null as present`.execute(db)
  if (tables[0]?.present !== true) return []
  const { rows } = await sql<{ name: string }>`
    select name from keyhold.schema_migrations order by name`.execute(db)
  return rows.map(({ name }) => name)
}

function refuseNewerSchema(done: readonly string[]): void {
  const unknown = done.filter((name) => !(name in schemaMigrations))
  if (unknown.length > 0) {
    throw new KeyholdError('ERR_SCHEMA_NEWER', {
      message: `The database has schema migrations that this version does not know (${unknown.join(', ')}): start the newer version of Keyhold again.`,
    })
  }
}

async function runMissing(db: Kysely<Tables>): Promise<void> {
  const { error } = await new Migrator({
    db,
    migrationTableSchema: 'keyhold',
    migrationTableName: migrationTable,
    migrationLockTableName: `${migrationTable}_lock`,
    provider: { getMigrations: () => Promise.resolve(schemaMigrations) },
  }).migrateToLatest()
  if (error !== undefined)
    throw error instanceof Error ? error : new Error('schema migration failed', { cause: error })
}
