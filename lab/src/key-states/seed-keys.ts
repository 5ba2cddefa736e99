// Tenants with a KEK each, written past Keyhold: the KMS makes the KEKs and their tenant keys, as a migration would have it
// do, and the rows are those of a tenant that has migrated long ago and is quiet.
import { GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { encodeByokWrap, keyArnFingerprint, keyCheckValue, keyFromBytes } from '@keyhold/core'
import { newId } from '../../../server/src/keyring/new-id.ts'
import { createKeyWith } from '../../../testkit/src/customer/create-customer-key.ts'
import { ownRegion } from '../../../testkit/src/customer/customer-kms.ts'
import { customerKeyPolicy } from '../../../testkit/src/customer/key-policy.ts'
import type { Sql } from '../rows/sql.ts'

export interface SeededKey {
  tenantId: string
  fingerprint: string
  keyArn: string
  keyId: string
}

interface Made extends SeededKey {
  id: string
  wrapped: Buffer
  check: Buffer
}

const atOnce = 16
const rowsAtOnce = 500

export interface SeedOptions {
  count: number
  /** The first probes are spread over this time. */
  probeSeconds: number
  say: (line: string) => void
}

export async function seedKeys(kms: KMSClient, sql: Sql, options: SeedOptions): Promise<SeededKey[]> {
  const { count, probeSeconds, say } = options
  const made: Made[] = []
  let begun = 0
  const worker = async () => {
    while (begun < count) {
      begun++
      made.push(await make(kms))
      if (made.length % 2_000 === 0) say(`${made.length} keys made`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  for (let from = 0; from < made.length; from += rowsAtOnce)
    await insert(sql, made.slice(from, from + rowsAtOnce), probeSeconds)
  return made.map(({ tenantId, fingerprint, keyArn, keyId }) => ({ tenantId, fingerprint, keyArn, keyId }))
}

async function make(kms: KMSClient): Promise<Made> {
  const tenantId = newId(new Date())
  const { keyArn, keyId } = await createKeyWith(kms, { Policy: customerKeyPolicy([tenantId]) })
  const command = { KeyId: keyArn, KeySpec: 'AES_256', EncryptionContext: { tenantId } } as const
  const { Plaintext: plaintext, CiphertextBlob: blob } = await kms.send(new GenerateDataKeyCommand(command))
  if (plaintext === undefined || blob === undefined) throw new Error('the KMS answered no key')
  const id = newId(new Date())
  const fingerprint = keyArnFingerprint(keyArn)
  const check = keyCheckValue({ tenantId, id, version: 1, key: keyFromBytes(plaintext) })
  return {
    tenantId,
    fingerprint,
    keyArn,
    keyId,
    id,
    check,
    wrapped: Buffer.from(encodeByokWrap(fingerprint, blob)),
  }
}

async function insert(sql: Sql, made: readonly Made[], probeSeconds: number): Promise<void> {
  const tenants = made.map(({ tenantId }) => tenantId)
  const fingerprints = made.map(({ fingerprint }) => fingerprint)
  const arns = made.map(({ keyArn }) => keyArn)
  await sql(
    `insert into keyhold.tenants (id, name, active_tenant_key_version)
     select id, 'quiet', 1 from unnest($1::text[]) id`,
    [tenants],
  )
  await sql(
    `insert into keyhold.key_providers (tenant_id, fingerprint, kms, key_arn, name, is_current)
     select tenant_id, fingerprint, 'aws', key_arn, 'own', true
     from unnest($1::text[], $2::text[], $3::text[]) k (tenant_id, fingerprint, key_arn)`,
    [tenants, fingerprints, arns],
  )
  await sql(
    `insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value)
     select tenant_id, 1, id, 'active', key_arn, wrapped, check_value
     from unnest($1::text[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[])
       k (tenant_id, id, key_arn, wrapped, check_value)`,
    [
      tenants,
      made.map(({ id }) => id),
      arns,
      made.map(({ wrapped }) => wrapped),
      made.map(({ check }) => check),
    ],
  )
  await sql(
    `insert into keyhold.key_health (tenant_id, fingerprint, region, state, since, checked_at)
     select tenant_id, fingerprint, $3, 'healthy', now(), now()
     from unnest($1::text[], $2::text[]) k (tenant_id, fingerprint)`,
    [tenants, fingerprints, ownRegion],
  )
  await sql(
    `insert into keyhold.key_probes (tenant_id, fingerprint, due_at)
     select tenant_id, fingerprint, now() + make_interval(secs => random() * $3::float8)
     from unnest($1::text[], $2::text[]) k (tenant_id, fingerprint)
     on conflict do nothing`,
    [tenants, fingerprints, probeSeconds],
  )
}
