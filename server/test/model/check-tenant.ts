// Checks the rules that hold at every moment, whatever was done: the rows against the model, and every answered value against them.
import type { ErrorCode } from '@keyhold/core'
import { sql } from 'kysely'
import { expect } from 'vitest'
import type { KeyJobPhase, TenantKeyState } from '../../src/store/tables.ts'
import type { Kek, Model } from './model.ts'
import { kekOf, revocations } from './revocable-kms.ts'
import { refusalOf, type TenantUnderTest } from './tenant-under-test.ts'

interface Rows {
  activeVersion: number
  versions: { version: number; state: TenantKeyState; keyArn: string; isWrapped: boolean }[]
  cipherkeys: { keyName: string; tenantKeyVersion: number }[]
  jobs: { kind: string; phase: KeyJobPhase; keyArns: [string, string] }[]
  providers: { keyArn: string; isCurrent: boolean }[]
}

// In one statement, and with that at one moment.
async function readRows({ db, tenantId }: TenantUnderTest): Promise<Rows> {
  const { rows } = await sql<Rows>`select active_tenant_key_version as "activeVersion",
    (select json_agg(json_build_object('version', version, 'state', state, 'keyArn', key_arn,
      'isWrapped', wrapped is not null) order by version) from keyhold.tenant_keys where tenant_id = t.id) as versions,
    (select coalesce(json_agg(json_build_object('keyName', key_name, 'tenantKeyVersion', tenant_key_version)), '[]')
      from keyhold.cipherkeys where tenant_id = t.id) as cipherkeys,
    (select coalesce(json_agg(json_build_object('kind', kind, 'phase', phase,
      'keyArns', json_build_array(source_key_arn, target_key_arn)) order by id), '[]')
      from keyhold.key_jobs where tenant_id = t.id) as jobs,
    (select json_agg(json_build_object('keyArn', key_arn, 'isCurrent', is_current))
      from keyhold.key_providers where tenant_id = t.id) as providers
    from keyhold.tenants t where id = ${tenantId}`.execute(db)
  if (rows[0] === undefined) throw new Error('the tenant is gone')
  return rows[0]
}

/** Checks the rows, and answers the KEK that each key name's data key hangs on. */
export async function checkRows(model: Model, tenant: TenantUnderTest): Promise<Map<string, Kek>> {
  const { activeVersion, versions, cipherkeys, jobs, providers } = await readRows(tenant)
  const active = versions.filter(({ state }) => state === 'active')
  expect(active, 'one active version, the fence').toMatchObject([{ version: activeVersion, isWrapped: true }])
  expect(kekOf(active[0]?.keyArn ?? ''), 'what new data keys hang on').toBe(model.active)

  const live = jobs.filter(({ phase }) => phase !== 'done' && phase !== 'aborted')
  const job = model.job && { kind: model.job.kind, phase: model.job.phase }
  expect(live, 'at most one live key job').toMatchObject(job === undefined ? [] : [job])
  const current = providers.filter(({ isCurrent }) => isCurrent).map(({ keyArn }) => kekOf(keyArn))
  expect(current, 'one current provider').toEqual([model.current])
  expect(new Set(providers.map(({ keyArn }) => kekOf(keyArn)))).toEqual(model.registered)

  const places = new Map<string, Kek>()
  for (const { keyName, tenantKeyVersion } of cipherkeys) {
    const under = versions.find(({ version }) => version === tenantKeyVersion)
    expect(under, `the version that ${keyName} needs`).toMatchObject({ isWrapped: true })
    expect(['active', 'decrypt-only'], keyName).toContain(under?.state)
    if (model.job === undefined)
      expect(tenantKeyVersion, 'nothing stale without a key job').toBe(activeVersion)
    const kek = kekOf(under?.keyArn ?? '')
    expect(model.names.get(keyName), `where ${keyName} may be`).toContain(kek)
    places.set(keyName, kek)
  }
  expect(new Set(places.keys()), 'nothing lost, nothing unheard of').toEqual(new Set(model.names.keys()))
  expect(cipherkeys).toHaveLength(places.size)
  if (model.job === undefined && tenant.settings.backupRetentionDays === 0) {
    const kept = versions.filter(({ state }) => state !== 'destroyed')
    expect(
      kept.map(({ version }) => version),
      'nothing kept',
    ).toEqual([activeVersion])
  }
  return places
}

/** Decrypts every value that was ever answered: right, or refused for the reason of the KEK that it hangs on. */
export async function checkValues(
  model: Model,
  tenant: TenantUnderTest,
  places: ReadonlyMap<string, Kek>,
): Promise<void> {
  const outcomes = await Promise.all(
    model.values.map(async ({ keyName, token, plaintext }) => {
      const kek = places.get(keyName)
      if (kek === undefined) throw new Error(`${keyName} is lost`)
      const answer = tenant.decrypt(token)
      const refusal = await refusalOf(answer)
      if (refusal === undefined) expect(await answer, 'the plaintext').toBe(plaintext)
      return { kek, refusal }
    }),
  )
  checkRefusals(model, outcomes)
}

/** Checks whether what hangs on KEKs was rightly answered, or rightly refused, all at the same moment. */
export function checkRefusals(
  model: Model,
  outcomes: readonly { kek: Kek; refusal: ErrorCode | undefined }[],
): void {
  for (const { kek, refusal } of outcomes) {
    const opens = model.opens(kek)
    if (refusal === undefined) expect(opens, `opened under ${kek}`).not.toBe('no')
    else {
      expect(opens, `refused under ${kek}: ${refusal}`).not.toBe('yes')
      expect(refusal).toBe(model.closed.get(kek))
    }
  }
  // Whoever has heard a denial holds nothing any more.
  for (const { kek, refusal } of outcomes) {
    if (refusal !== undefined && revocations.includes(refusal)) model.held.delete(kek)
  }
}
