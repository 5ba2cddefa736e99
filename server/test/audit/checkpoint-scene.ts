// A database, replicas that sign its chains of audit records, and one who may run any SQL.
import { keyFromBytes } from '@keyhold/core'
import { generateKeyPairSync } from 'node:crypto'
import type { TestStores } from '../../../testkit/src/database/test-database.ts'
import type { SignedCheckpoint } from '../../src/installation/audit-checkpoint.ts'
import { createCheckpoints, type Checkpoints } from '../../src/installation/checkpoint-rounds.ts'
import type { CheckpointWriter } from '../../src/installation/checkpoint-writer.ts'
import { readOwnJws, signJws, type SigningKey } from '../../src/kms/signing-key.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'

export const newKey = (id: string): SigningKey => ({ id, ...generateKeyPairSync('ed25519') })
export const key = newKey('the-key')

export interface Replica extends Checkpoints {
  signed: SignedCheckpoint[]
  written: SignedCheckpoint[]
  contradictions: string[]
  failures: unknown[]
}

/** A replica, with what it has kept of an earlier life. */
export function replica(
  store: Store,
  kept: readonly SignedCheckpoint[] = [],
  signingKey = key,
  otherWriter?: CheckpointWriter,
): Replica {
  const signed: SignedCheckpoint[] = []
  const written: SignedCheckpoint[] = []
  const contradictions: string[] = []
  const failures: unknown[] = []
  const checkpoints = createCheckpoints({
    ...{ store, kept },
    holdSigner: () => Promise.resolve((payload) => signJws(signingKey, payload)),
    readOwn: (jws) => readOwnJws(signingKey, jws),
    writer: otherWriter ?? { write: (all) => void written.push(...all), settled: () => Promise.resolve() },
    onSigned: (each) => signed.push(each),
    onContradiction: (chain, contradiction) => contradictions.push(`${chain} ${contradiction}`),
    onFailed: (_, error) => failures.push(error),
  })
  return { ...checkpoints, signed, written, contradictions, failures }
}

export async function append(store: Store, tenantId: string | undefined, records = 1): Promise<void> {
  await store.transaction((transaction) => {
    for (let count = 0; count < records; count++)
      transaction.audit({ tenantId, actor: systemActor, action: 'tenant.lock', targetId: tenantId ?? '' })
    return Promise.resolve()
  })
}

/** As the owner of the tables, past the triggers. */
export async function forge(stores: TestStores, statements: readonly string[]): Promise<void> {
  for (const table of ['audits', 'audit_heads', 'audit_checkpoints'])
    await stores.query(`alter table keyhold.${table} disable trigger all`)
  for (const statement of statements) await stores.query(statement)
}

/** The state of some tables at this moment, and the statements that put it back. */
export async function backUp(stores: TestStores, ...tables: string[]): Promise<string[]> {
  for (const table of tables) await stores.query(`create table public.old_${table} as table keyhold.${table}`)
  return tables.flatMap((table) => [
    `delete from keyhold.${table}`,
    `insert into keyhold.${table} select * from public.old_${table}`,
  ])
}

/** As before the operator has adopted the rows: none needs a MAC. */
export function requireNoMacs({ store, otherStore }: TestStores): void {
  for (const { macs } of [store, otherStore]) {
    macs.open({
      rootKeyId: '01'.repeat(8),
      rootKey: keyFromBytes(Buffer.alloc(32, 1)),
      installationId: '00000000-0000-4000-8000-000000000001',
      requiresMacs: false,
    })
  }
}
