// A tenant key from its row, past Keyhold: the row is read with our own SQL, and the KMS is asked with the customer's own
// credentials.
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms'
import { keyFromBytes, parseByokWrap, verifyKeyCheckValue, type TenantKey } from '@keyhold/core'
import { createInternalKms, isRootKeyArn } from '../../../server/src/kms/internal-kms.ts'
import type { RootKey } from '../../../server/src/kms/root-key-file.ts'
import type { Sql } from './sql.ts'

export interface TenantKeySource {
  sql: Sql
  rootKey: RootKey | undefined
  /** For tenant keys that a customer's key wraps. */
  customerKms?: KMSClient
}

interface TenantKeyRow {
  id: string
  key_arn: string
  wrapped: Buffer | null
  key_check_value: Buffer
  format: 2 | null
}

/** Opens one version and compares its key check value. */
export async function openTenantKey(
  { sql, rootKey, customerKms }: TenantKeySource,
  tenantId: string,
  version: number,
): Promise<TenantKey> {
  const rows = (await sql(
    'select id, key_arn, wrapped, key_check_value, format from keyhold.tenant_keys where tenant_id = $1 and version = $2',
    [tenantId, version],
  )) as unknown as TenantKeyRow[]
  const [row] = rows
  if (row === undefined) throw new Error(`there is no tenant key ${version}`)
  if (row.wrapped === null) throw new Error(`tenant key ${version} is destroyed`)
  const ref = { tenantId, id: row.id, version }
  const key = isRootKeyArn(row.key_arn)
    ? await createInternalKms(rootKey).unwrapTenantKey(row.key_arn, row.wrapped, ref)
    : await unwrapInKms(customerKms, row.key_arn, row.wrapped, tenantId)
  const tenantKey = { ...ref, format: row.format ?? 1, key } as const
  verifyKeyCheckValue(tenantKey, row.key_check_value)
  return tenantKey
}

async function unwrapInKms(kms: KMSClient | undefined, keyArn: string, wrapped: Buffer, tenantId: string) {
  if (kms === undefined) throw new Error(`${keyArn} is not in the internal KMS`)
  const { ciphertextBlob } = parseByokWrap(wrapped.toString('ascii'))
  const { Plaintext: bytes } = await kms.send(
    new DecryptCommand({
      KeyId: keyArn,
      CiphertextBlob: ciphertextBlob,
      EncryptionContext: { tenantId },
    }),
  )
  if (bytes === undefined) throw new Error('the KMS answered no plaintext')
  return keyFromBytes(bytes)
}
