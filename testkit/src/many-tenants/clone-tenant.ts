// Makes a tenant after a model. The rows are those that Keyhold wrote for the model, with other ids, keys and times. Wraps, key
// check values, MACs, hashes and the manifest are made by the code that makes them in production.
import { auditChainStart, auditHash, keyArnFingerprint, type TenantKey } from '@keyhold/core'
import {
  encodeApiKeyToken,
  generateApiKeyToken,
  hashApiKeySecret,
  type ApiKeyToken,
} from '../../../server/src/access/api-key-token.ts'
import { newId } from '../../../server/src/keyring/new-id.ts'
import type { RootKey } from '../../../server/src/kms/root-key-file.ts'
import { manifestDigest } from '../../../server/src/store/authentic/manifest.ts'
import type { RowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { fromText, type ModelText, type TenantRows } from './model-tenant.ts'
import { wrapNewKey } from './wrap-new-key.ts'
import { kekArnOf, kekOf, tenantIdOf } from './seeded-customers.ts'

export interface ClonedTenant {
  tenantId: string
  rows: TenantRows
  /** The active one. */
  tenantKey: TenantKey
  /** The access tokens of its API keys. */
  adminToken: string
  serviceToken: string
}

export interface CloneParts {
  macs: RowMacs
  rootKey: RootKey
  seed: string
}

const uuidForm = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/
const allUuids = new RegExp(uuidForm, 'g')
// So far apart are the tenants.
const betweenMs = 3_000
const dayMs = 86_400_000

/** @param number - of the customer */
export async function cloneTenant(
  { macs, rootKey, seed }: CloneParts,
  model: ModelText,
  number: number,
): Promise<ClonedTenant> {
  const tenantId = tenantIdOf(seed, number)
  const kek = model.keyArn === undefined ? undefined : kekOf(seed, number)
  const apiKeys = model.apiKeyIds.map(() => generateApiKeyToken((start) => macs.tagOf('apiKeyId', start)))
  const names = new Map([[model.tenantId, tenantId]])
  for (const [index, id] of model.apiKeyIds.entries()) names.set(id, apiKeys[index]?.id ?? '')
  const ids = new Map<string, string>()
  if (kek !== undefined && model.keyArn !== undefined) {
    names.set(model.keyArn, kekArnOf(kek))
    names.set(keyArnFingerprint(model.keyArn), keyArnFingerprint(kekArnOf(kek)))
    ids.set(uuidForm.exec(model.keyArn)?.[0] ?? '', kek.keyId).set(kek.keyId, kek.keyId)
  }
  const rows = fromText(renamed(model.text, names, ids, number), -number * betweenMs)
  const keys = await Promise.all(
    rows.tenant_keys.map((row) =>
      row.wrapped === null ? Promise.resolve(undefined) : wrapNewKey(rootKey, kek, row),
    ),
  )
  return {
    tenantId,
    tenantKey: activeOf(keys),
    ...tokensOf(rows, apiKeys),
    rows: sign(macs, withTokens(withKeys(rows, keys), apiKeys)),
  }
}

/** The rows with another name in the place of each, and another id in the place of each that the names do not have. */
function renamed(
  text: string,
  names: ReadonlyMap<string, string>,
  ids: Map<string, string>,
  number: number,
): string {
  const madeAt = new Date(Date.now() - number * betweenMs)
  let next = text
  for (const [from, to] of names) next = next.replaceAll(from, to)
  return next.replace(allUuids, (id) => {
    const other = ids.get(id) ?? newId(madeAt)
    ids.set(id, other)
    return other
  })
}

type NewKey = Awaited<ReturnType<typeof wrapNewKey>>

function withKeys(rows: TenantRows, keys: readonly (NewKey | undefined)[]): TenantRows {
  const tenantKeys = rows.tenant_keys.map((row, index) => ({ ...row, ...keys[index]?.columns }))
  return { ...rows, tenant_keys: tenantKeys }
}

function activeOf(keys: readonly (NewKey | undefined)[]): TenantKey {
  const active = keys.find((key) => key?.isActive)
  if (active === undefined) throw new TypeError('the model has no active tenant key')
  return active.tenantKey
}

function withTokens(rows: TenantRows, tokens: readonly ApiKeyToken[]): TenantRows {
  const apiKeys = rows.api_keys.map((row) => ({
    ...row,
    secret_hash: hashApiKeySecret(tokenOf(tokens, row)),
  }))
  return { ...rows, api_keys: apiKeys }
}

function tokensOf(rows: TenantRows, tokens: readonly ApiKeyToken[]) {
  const ofRole = (role: string) => {
    const row = rows.api_keys.find((each) => each.role === role)
    return row === undefined ? '' : encodeApiKeyToken(tokenOf(tokens, row))
  }
  return { adminToken: ofRole('tenant-admin'), serviceToken: ofRole('service') }
}

function tokenOf(tokens: readonly ApiKeyToken[], { id }: { id: string }): ApiKeyToken {
  const token = tokens.find((each) => each.id === id)
  if (token === undefined) throw new TypeError('an API key has no token')
  return token
}

function sign(macs: RowMacs, rows: TenantRows): TenantRows {
  const tenantKeys = rows.tenant_keys.map((row) => ({ ...row, mac: macs.sign('tenantKey', row) }))
  const keyProviders = rows.key_providers.map((row) => ({ ...row, mac: macs.sign('keyProvider', row) }))
  const manifest = manifestDigest([
    ...tenantKeys.map(({ version, mac }) => ({ kind: 'tenantKey' as const, key: String(version), mac })),
    ...keyProviders.map(({ fingerprint: key, mac }) => ({ kind: 'keyProvider' as const, key, mac })),
  ])
  return {
    tenants: rows.tenants.map((row) => {
      const fence = { ...row, manifest }
      return { ...fence, mac: macs.sign('fence', fence) }
    }),
    tenant_guards: rows.tenant_guards.map((row) => ({ ...row, mac: macs.sign('guard', row) })),
    key_providers: keyProviders,
    tenant_keys: tenantKeys,
    key_jobs: rows.key_jobs.map((row) => ({
      ...row,
      mac: macs.sign('keyJobTerms', row),
      progress_mac: macs.sign('keyJobProgress', row),
    })),
    key_health: rows.key_health.map((row) => ({ ...row, mac: macs.sign('keyHealth', row) })),
    // Of quiet keys: spread over a day, so that none falls due while something else is measured.
    key_probes: rows.key_probes.map((row) => ({
      ...row,
      due_at: new Date(Date.now() + dayMs / 2 + Math.random() * dayMs),
      ...{ claimed_until: null, urgency: 2, failures: 0 },
    })),
    api_keys: rows.api_keys.map((row) => ({ ...row, mac: macs.sign('apiKey', row) })),
    ...chainOf(macs, rows),
  }
}

/** The records with the hashes that their new content has, and their head. */
function chainOf(macs: RowMacs, rows: TenantRows): Pick<TenantRows, 'audits' | 'audit_heads'> {
  let hash = auditChainStart
  const audits = rows.audits.map((row) => {
    const { chain: tenantId, sequence, id, at, action, details } = row
    hash = auditHash(hash, {
      ...{ tenantId, sequence, id, at, action, details },
      ...{ actorId: row.actor_id, actorRole: row.actor_role ?? undefined },
      ...{ targetKind: row.target_kind, targetId: row.target_id, traceId: row.trace_id ?? undefined },
    })
    return { ...row, hash, mac: macs.sign('audit', { ...row, hash }) }
  })
  const heads = rows.audit_heads.map((row) => ({ ...row, hash }))
  return { audits, audit_heads: heads.map((row) => ({ ...row, mac: macs.sign('auditHead', row) })) }
}
