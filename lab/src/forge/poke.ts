// Uses an installation in every way that an attack could profit from, and judges by consequences alone: which plaintexts are
// answered, which keys the KMS is asked for, what is destroyed, what is signed.
import { parseToken } from '@keyhold/core'
import { decodeProtectedHeader } from 'jose'
import { call } from '../../../testkit/src/http/api.ts'
import type { Row } from '../../../testkit/src/database/query-pool.ts'
import { underOtherName } from './known-gaps.ts'
import { keyNames, type Replica, type Stage, type TenantName } from './stage.ts'

export interface Poked {
  /** Consequences that the true state forbids. */
  forbidden: string[]
  /** How each use ended, to be compared with how it ends without an attack. */
  outcomes: string
  /** Faulty rows that the replica has told of. */
  faults: number
}

const written: readonly TenantName[] = ['byok', 'internal', 'early', 'closed', 'moving', 'stopped']

interface Item {
  plaintext?: string
  token?: string
  error?: { code: string }
}

const codeOf = (body: unknown) =>
  (body as { errors?: { code: string }[] } | undefined)?.errors?.[0]?.code ?? 'no code'

let names = 0

/** How the keys, the destructions and the signatures of an installation are. */
export async function readFacts({ query }: Pick<Stage, 'query'>): Promise<Facts> {
  const [row] = await query(`select
    array(select tenant_id || '/' || data_key_id || '/' || version from keyhold.cipherkeys) as cipherkeys,
    array(select tenant_id || '/' || version from keyhold.tenant_keys where wrapped is not null) as "tenantKeys",
    array(select tenant_id || '/' || version from keyhold.tenant_keys) as versions,
    array(select jws from keyhold.key_job_reports union all select jws from keyhold.destructions where jws is not null
      union all select jws from keyhold.dr_drills) as signatures`)
  return row as unknown as Facts
}

export interface Facts {
  cipherkeys: string[]
  tenantKeys: string[]
  versions: string[]
  signatures: string[]
}

/** The true state, before any attack. */
export interface Truth {
  /** The versions under which new data keys are born. */
  activeVersions: ReadonlyMap<string, number>
  /** The name of each data key of a tenant, by their ids. */
  keyNames: ReadonlyMap<string, string>
  /** By chain and number. */
  hashes: ReadonlyMap<string, string>
  heads: ReadonlyMap<string, number>
  /** By their ids and bytes. */
  signingKeys: ReadonlySet<string>
  outcomes: string
  /** Those of the values alone. */
  readings: string
}

export async function readTruth(stage: Stage): Promise<Truth> {
  const { query, warm, operatorToken } = stage
  const active = await query('select id, active_tenant_key_version as version from base.tenants')
  const named = await query(
    'select distinct tenant_id, data_key_id as id, key_name as name from base.cipherkeys where key_name is not null',
  )
  const audits = await query(
    `select chain, sequence::int as sequence, encode(hash, 'hex') as hash from base.audits`,
  )
  const heads = await query('select chain, sequence::int as sequence from base.audit_heads')
  const { body } = await call(warm.url, operatorToken, 'GET', '/api/v1/encryption/signing-keys')
  const truth: Truth = {
    activeVersions: new Map(active.map((row) => [String(row.id), Number(row.version)])),
    hashes: new Map(
      audits.map(({ chain, sequence, hash }) => [`${String(chain)}/${String(sequence)}`, String(hash)]),
    ),
    keyNames: new Map(named.map((row) => [`${String(row.tenant_id)}/${String(row.id)}`, String(row.name)])),
    heads: new Map(heads.map(({ chain, sequence }) => [String(chain), Number(sequence)])),
    signingKeys: new Set(keysIn(body)),
    ...{ outcomes: '', readings: (await read(stage, warm)).outcomes.join('\n') },
  }
  const { outcomes, forbidden } = await poke(stage, warm, truth, await readFacts(stage))
  if (forbidden.length > 0) throw new Error(`before any attack: ${forbidden.join('; ')}`)
  return { ...truth, outcomes }
}

/** Asks for all values. */
export async function read(
  { readings }: Pick<Stage, 'readings'>,
  { url }: Pick<Replica, 'url'>,
): Promise<Pick<Poked, 'forbidden'> & { outcomes: string[] }> {
  const forbidden: string[] = []
  const outcomes: string[] = []
  for (const { name, apiKey, token, plaintext } of readings) {
    const body = { items: [{ token }] }
    const answer = await call(url, apiKey, 'POST', '/api/v1/encryption/decrypt', body)
    const [item] = (answer.body as { items?: Item[] }).items ?? []
    const code = answer.status === 200 ? item?.error?.code : codeOf(answer.body)
    outcomes.push(`${name}: ${item?.plaintext ?? code ?? ''}`)
    if (item?.plaintext === undefined) continue
    if (plaintext === undefined) forbidden.push(`answers a ${name}`)
    else if (item.plaintext !== plaintext) forbidden.push(`answers another value for the ${name}`)
  }
  return { forbidden, outcomes }
}

/** @param before - after the attack, before it is used */
export async function poke(stage: Stage, replica: Replica, truth: Truth, before: Facts): Promise<Poked> {
  const { query, tenants, operatorToken, calls } = stage
  const forbidden: string[] = []
  const outcomes: string[] = []
  const { url } = replica
  replica.takeFaults()

  const found = await read(stage, replica)
  forbidden.push(...found.forbidden)
  outcomes.push(...found.outcomes)

  for (const name of written) {
    const keyName = `forged-${String((names += 1))}`
    const body = { items: [{ keyName, plaintext: 'c2VjcmV0' }] }
    const answer = await call(url, tenants[name].serviceToken, 'POST', '/api/v1/encryption/encrypt', body)
    const [item] = (answer.body as { items?: Item[] }).items ?? []
    const code = answer.status === 200 ? item?.error?.code : codeOf(answer.body)
    outcomes.push(`encrypts for ${name}: ${item?.token === undefined ? (code ?? '') : 'yes'}`)
    if (item?.token === undefined) continue
    if (name === 'closed') forbidden.push('encrypts for the locked tenant')
    const [row] = await query(
      'select tenant_id, tenant_key_version as version from keyhold.cipherkeys where key_name = $1',
      [keyName],
    )
    if (row === undefined) forbidden.push(`encrypts for ${name} under a data key that is not stored`)
    else if (row.tenant_id !== name || Number(row.version) !== truth.activeVersions.get(name))
      forbidden.push(`makes a data key of ${name} under version ${String(row.version)}`)
  }

  const underNames = await encryptUnderNames(stage, replica, truth)
  forbidden.push(...underNames.forbidden)
  outcomes.push(...underNames.outcomes)

  await replica.sweep()
  forbidden.push(...(await forbiddenInRows(stage, before)))

  // The trail: whoever signs a head that is not the true one has signed a lie.
  for (const [chain, token] of [
    ['', operatorToken],
    ['byok', tenants.byok.adminToken],
  ] as const) {
    const route = chain === '' ? '/api/v1/audits/head' : '/api/v1/encryption/audits/head'
    const { status, body } = await call(url, token, 'GET', route)
    outcomes.push(`signs the head of "${chain}": ${status === 200 ? 'yes' : codeOf(body)}`)
    if (status !== 200) continue
    const lie = await lieInHead(query, truth, chain, (body as { head: SignedHead }).head)
    if (lie !== undefined) forbidden.push(lie)
  }
  const { status, body } = await call(url, operatorToken, 'GET', '/api/v1/encryption/signing-keys')
  const served = status === 200 ? keysIn(body) : []
  // A key whose row is lost or altered is not served: what it has signed is then refused.
  outcomes.push(`signing keys: ${String(status)}, ${String(served.length)}`)
  if (served.some((key) => !truth.signingKeys.has(key))) forbidden.push('serves another signing key')

  for (const arn of calls.takeForeign()) forbidden.push(`calls the KMS for ${arn}, which nobody registered`)
  return { forbidden, outcomes: outcomes.join('\n'), faults: replica.takeFaults() }
}

/** Which one signs is told by the order. */
function keysIn(body: unknown): string[] {
  const { keys } = body as { keys: { kid: string; x: string; validTo?: string }[] }
  return keys.map(({ kid, x, validTo }) => `${kid} ${x} ${validTo === undefined ? 'signs' : 'has signed'}`)
}

/** Encrypts under the names that each tenant has: a name whose row is gone gets a new data key, but never that of another name. */
async function encryptUnderNames(
  { tenants }: Pick<Stage, 'tenants'>,
  { url }: Pick<Replica, 'url'>,
  truth: Truth,
): Promise<Pick<Poked, 'forbidden'> & { outcomes: string[] }> {
  const forbidden: string[] = []
  const outcomes: string[] = []
  for (const name of written) {
    const body = { items: keyNames.map((keyName) => ({ keyName, plaintext: 'c2VjcmV0' })) }
    const answer = await call(url, tenants[name].serviceToken, 'POST', '/api/v1/encryption/encrypt', body)
    const { items = [] } = answer.body as { items?: Item[] }
    for (const [index, keyName] of keyNames.entries()) {
      const { token, error } = items[index] ?? {}
      const code = answer.status === 200 ? error?.code : codeOf(answer.body)
      outcomes.push(`encrypts under ${keyName} for ${name}: ${token === undefined ? (code ?? '') : 'yes'}`)
      if (token === undefined) continue
      const owner = truth.keyNames.get(`${name}/${parseToken(token).header.dataKeyId}`)
      if (owner !== undefined && owner !== keyName && !forbidden.includes(underOtherName(name)))
        forbidden.push(underOtherName(name))
    }
  }
  return { forbidden, outcomes }
}

/** Names all that was destroyed, made or signed since `before`. */
export async function forbiddenInRows(stage: Pick<Stage, 'query'>, before: Facts): Promise<string[]> {
  const now = await readFacts(stage)
  const missing = (was: string[], is: string[]) => was.filter((each) => !is.includes(each))
  return [
    ...missing(before.cipherkeys, now.cipherkeys).map((each) => `destroys the cipherkey ${each}`),
    ...missing(before.tenantKeys, now.tenantKeys).map((each) => `destroys the tenant key ${each}`),
    ...missing(now.versions, before.versions).map((each) => `makes the tenant key ${each}`),
    ...missing(now.signatures, before.signatures).map(
      (jws) => `signs a ${decodeProtectedHeader(jws).typ ?? 'record'}`,
    ),
  ]
}

interface SignedHead {
  sequence: number
  hash: string
}

async function lieInHead(
  query: Stage['query'],
  truth: Truth,
  chain: string,
  { sequence, hash }: SignedHead,
): Promise<string | undefined> {
  const trueSequence = truth.heads.get(chain) ?? 0
  if (sequence < trueSequence) return `signs an older head of "${chain}"`
  const found: Row[] = await query(
    `select encode(hash, 'hex') as hash from keyhold.audits where chain = $1 and sequence = $2`,
    [chain, sequence],
  )
  const isTrue =
    sequence === trueSequence
      ? truth.hashes.get(`${chain}/${String(sequence)}`) ===
        Buffer.from(hash, encodingOf(hash)).toString('hex')
      : found.length === 1
  return isTrue ? undefined : `signs a false head of "${chain}"`
}

const encodingOf = (hash: string) => (/^[0-9a-f]{64}$/.test(hash) ? 'hex' : 'base64')
