// Reads API keys with what decides whether they hold: their own row, and the generation of their scope, which stands in the
// guard of their tenant or in the installation's row. A revocation raises it and signs the scope's other keys anew, so that a
// row that is put back is one of an earlier generation.
import type { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Authentic } from '../authentic/row-macs.ts'
import type { SeenGenerations } from '../authentic/seen-generations.ts'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import { isRowFault, unlessFaulty } from '../authentic/row-faults.ts'
import { acceptGuard, type GuardParts } from '../guards/accept-guard.ts'
import type { GuardRow } from '../guards/guard-rows.ts'
import { acceptInstallation, type InstallationRow } from '../installation.ts'

export interface ApiKeyParts extends GuardParts {
  /** Of the installation's row. */
  seenInstallation: SeenGenerations
}

export type StoredApiKey = StoredRow<'apiKey'>

/** An API key as it was found, with its scope as of the same moment. */
export interface FoundApiKey {
  row: StoredApiKey
  scope: FoundScope
}

interface FoundScope {
  /** Null: the installation is the scope. */
  tenantId: string | null
  guard: GuardRow | undefined
  /** Of the tenant. */
  incarnation: string | null
  installation: InstallationRow | undefined
}

const keyColumns = columnsOfKind('apiKey')
const guardColumns = columnsOfKind('guard')
const installationColumns = columnsOfKind('installation')

/** The statement that reads API keys; the caller says which. Prefixes keep the columns of the tables apart. */
export function selectApiKeys(db: Database) {
  return db
    .selectFrom('api_keys as k')
    .leftJoin('tenants as t', 't.id', 'k.tenant_id')
    .leftJoin('tenant_guards as g', 'g.tenant_id', 'k.tenant_id')
    .leftJoin('installation as i', (join) => join.on('k.tenant_id', 'is', null))
    .select(keyColumns.map((column) => `k.${column} as k_${column}` as const))
    .select(guardColumns.map((column) => `g.${column} as g_${column}` as const))
    .select(installationColumns.map((column) => `i.${column} as i_${column}` as const))
    .select('t.incarnation as t_incarnation')
}

export type JoinedApiKey = Awaited<ReturnType<ReturnType<typeof selectApiKeys>['execute']>>[number]

function partOf(joined: JoinedApiKey, prefix: string): Record<string, unknown> {
  const named = Object.entries(joined).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(named.map(([name, value]) => [name.slice(prefix.length), value]))
}

function fromJoined(joined: JoinedApiKey): FoundApiKey {
  const row = partOf(joined, 'k_') as unknown as StoredApiKey
  return {
    row,
    scope: {
      tenantId: row.tenant_id,
      guard: joined.g_tenant_id === null ? undefined : (partOf(joined, 'g_') as unknown as GuardRow),
      incarnation: joined.t_incarnation,
      installation: joined.i_id === null ? undefined : (partOf(joined, 'i_') as unknown as InstallationRow),
    },
  }
}

const seenOf = ({ seen, seenInstallation }: ApiKeyParts, tenantId: string | null) =>
  tenantId === null ? seenInstallation.get('') : seen.get(tenantId)
const generationOf = ({ guard, installation }: FoundScope) =>
  guard?.generation ?? installation?.generation ?? Number.POSITIVE_INFINITY

export interface CheckedApiKey<Joined> {
  joined: Joined
  found: FoundApiKey
  /** Undefined: the row is faulty, or the key is one of an earlier generation. */
  authentic: Authentic<StoredApiKey> | undefined
  /** The row of its scope is faulty: nobody knows whether the key was revoked. */
  scopeFault: KeyholdError | undefined
}

interface Scope {
  generation: number | undefined
  fault: KeyholdError | undefined
}

/**
 * Reads API keys and tells which of them hold.
 *
 * @param read - one statement of `selectApiKeys`. It is run again where it shows an older scope than another statement has
 * shown meanwhile, and where it did not show all rows as of one moment, since it locked them.
 */
export async function readApiKeys<Joined extends JoinedApiKey>(
  parts: ApiKeyParts,
  read: () => Promise<Joined[]>,
): Promise<CheckedApiKey<Joined>[]> {
  let all = (await read()).map((joined) => ({ joined, found: fromJoined(joined) }))
  const before = new Map(all.map(({ found }) => [found.scope.tenantId, seenOf(parts, found.scope.tenantId)]))
  const isUnclear = all.some(
    ({ found: { row, scope } }) =>
      generationOf(scope) < (before.get(scope.tenantId) ?? 0) || row.generation !== apiKeyGenerationIn(scope),
  )
  if (isUnclear) {
    // Nothing was remembered of a scope that only the second answer names: such a row is left out, as if it were not there.
    all = (await read())
      .map((joined) => ({ joined, found: fromJoined(joined) }))
      .filter(({ found }) => before.has(found.scope.tenantId))
  }
  const scopes = new Map<string | null, Scope>()
  return all.map(({ joined, found }) => {
    const { tenantId } = found.scope
    const scope = scopes.get(tenantId) ?? verifyScope(parts, found.scope, before.get(tenantId) ?? 0)
    scopes.set(tenantId, scope)
    const authentic = unlessFaulty(() => parts.macs.verify('apiKey', found.row))
    const isCurrent = scope.fault !== undefined || holds(parts, found.row, scope)
    return { joined, found, authentic: isCurrent ? authentic : undefined, scopeFault: scope.fault }
  })
}

const apiKeyGenerationIn = ({ guard, installation }: FoundScope) =>
  guard?.api_key_generation ?? installation?.api_key_generation

function verifyScope(parts: ApiKeyParts, found: FoundScope, before: number): Scope {
  const { tenantId, guard, incarnation, installation } = found
  const inInstallation = { macs: parts.macs, seen: parts.seenInstallation }
  try {
    const accepted =
      tenantId === null
        ? installation && acceptInstallation(inInstallation, installation, before)
        : acceptGuard(parts, { tenantId, row: guard, beside: { incarnation: incarnation ?? '' } }, before)
    return { generation: accepted?.api_key_generation, fault: undefined }
  } catch (error) {
    if (!isRowFault(error)) throw error
    return { generation: undefined, fault: error }
  }
}

/** Before the adoption, replicas of the version before make keys without a MAC, and without a generation. */
function holds({ macs }: ApiKeyParts, row: StoredApiKey, { generation }: Scope): boolean {
  if (row.mac === null && !macs.requiresMacs()) return true
  return row.generation === generation
}

/** Which API keys a scope has: those of a tenant, or those that are of none. */
export const inScope = (tenantId: string | undefined, alias?: string) => {
  const column = sql.ref(alias === undefined ? 'tenant_id' : `${alias}.tenant_id`)
  return tenantId === undefined ? sql<boolean>`${column} is null` : sql<boolean>`${column} = ${tenantId}`
}
