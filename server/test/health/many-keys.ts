// Many keys in use, written straight into the database: as many tenants, each under a KEK of its own or under one of all.
import type { TestStores } from '../../../testkit/src/database/test-database.ts'
import { resignMany } from '../../../testkit/src/database/resign.ts'

export const sharedArn = 'arn:aws:kms:eu-west-1:222222222222:key/00000000-0000-0000-0000-000000000000'

export interface ManyKeys {
  /** The beginning of the tenants' ids, which a number follows: from 1 on. */
  prefix: string
  count: number
  /** Seconds from now until the probe is due; negative: it has been for so long. A number is added for each next key. */
  dueSeconds: number
  urgency?: number
  /** All under one KEK, whose policy admits every tenant. */
  isShared?: boolean
  roleArn?: string
  /** The age of the last answer, which was good; undefined: there is none. */
  answeredSecondsAgo?: number
}

/** The stored wraps open nowhere: a test answers for the KMS. */
export async function addKeys(
  { query, db }: Pick<TestStores, 'query' | 'db'>,
  { prefix, count, dueSeconds, urgency = 2, isShared = false, roleArn, answeredSecondsAgo }: ManyKeys,
): Promise<void> {
  const tenants = `(select n, '${prefix}' || n as tenant_id,
    ${isShared ? `'${sharedArn}'` : `'arn:aws:kms:eu-west-1:222222222222:key/' || md5('${prefix}' || n)::uuid`} as key_arn
    from generate_series(1, ${count}) n) s`
  const fingerprint = `left(encode(sha256(convert_to(key_arn, 'UTF8')), 'hex'), 32)`
  const inspection = JSON.stringify({
    keyArn: sharedArn,
    ...{ multiRegion: false, replicaKeys: [], drCompliant: false },
    complianceError: { code: '', region: '', message: '' },
    warnings: [{ code: 'ERR_KEY_POLICY_TOO_WIDE', region: 'eu-west-1', message: 'open to all' }],
  })
  await query(
    `insert into keyhold.tenants (id, name, active_tenant_key_version) select tenant_id, tenant_id, 1 from ${tenants}`,
  )
  await query(
    `insert into keyhold.key_providers (tenant_id, fingerprint, kms, key_arn, name, is_current, inspection, role_arn)
     select tenant_id, ${fingerprint}, 'aws', key_arn, 'own', true, $1::jsonb, $2 from ${tenants}`,
    [isShared ? inspection : null, roleArn ?? null],
  )
  await query(
    `insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value)
     select tenant_id, 1, gen_random_uuid(), 'active', key_arn, '\\x00', decode(repeat('00', 32), 'hex') from ${tenants}`,
  )
  // Before what counts from now on.
  await resignMany(db)
  await query(
    `insert into keyhold.key_probes (tenant_id, fingerprint, urgency, due_at)
     select tenant_id, ${fingerprint}, $1, now() + make_interval(secs => $2 + n) from ${tenants}`,
    [urgency, dueSeconds],
  )
  if (answeredSecondsAgo !== undefined)
    await query(
      `insert into keyhold.key_health (tenant_id, fingerprint, region, state, since, checked_at)
     select tenant_id, ${fingerprint}, 'eu-west-1', 'healthy', now(), now() - make_interval(secs => $1) from ${tenants}`,
      [answeredSecondsAgo],
    )
}
