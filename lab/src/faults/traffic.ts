// The traffic of the tenants while everything breaks. Acknowledged tokens are remembered, and plaintexts are compared.
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { ask } from '../requests/ask.ts'
import { isRevoked } from './revoke-key.ts'
import type { WatchedTenant } from './watched-tenant.ts'

export interface TrafficCounts {
  encrypted: number
  decrypted: number
  /** Refusals that a fault explains: no connection, 503, 424 while a tenant's key is away. */
  refused: number
  /** All other refusals; each is a failure of Keyhold. */
  unexpected: string[]
  /** A plaintext other than the one that was encrypted. */
  wrong: string[]
}

export function createTrafficCounts(): TrafficCounts {
  return { encrypted: 0, decrypted: 0, refused: 0, unexpected: [], wrong: [] }
}

const timeoutMs = 10_000
const tokensAtOnce = 50

interface Item {
  token?: string
  plaintext?: string
  error?: { code: string }
}

async function post(
  url: string,
  tenant: WatchedTenant,
  action: string,
  items: object[],
  counts: TrafficCounts,
): Promise<Item[] | undefined> {
  // A request that is sent while the key is away may be answered after it has come back.
  const mayBeDenied = isRevoked(tenant)
  const path = `/api/v1/encryption/${action}`
  const { status, text } = await ask({ url, token: tenant.serviceToken, path, body: { items }, timeoutMs })
  if (status === 200) return (JSON.parse(text) as { items: Item[] }).items
  const isDenied = status === 424 && (mayBeDenied || isRevoked(tenant))
  if (status === undefined || status === 503 || isDenied) counts.refused += 1
  else counts.unexpected.push(`${action} answered ${status}: ${text}`)
  return undefined
}

/** Encrypts a value under a new key name. It counts only when it is acknowledged. */
export async function encryptNew(
  url: string,
  tenant: WatchedTenant,
  random: SeededRandom,
  counts: TrafficCounts,
): Promise<void> {
  const keyName = `name-${++tenant.keyNames}`
  const plaintext = random.bytes(random.integer(0, 64)).toString('base64')
  const [item] = (await post(url, tenant, 'encrypt', [{ keyName, plaintext }], counts)) ?? []
  if (item === undefined) return
  if (item.token === undefined) counts.unexpected.push(`encrypt: ${item.error?.code ?? 'no token'}`)
  else {
    counts.encrypted += 1
    tenant.tokens.push({ token: item.token, plaintext })
  }
}

/** Decrypts some of the acknowledged tokens, or all of them; answers whether every one was compared. */
export async function decryptSome(
  url: string,
  tenant: WatchedTenant,
  tokens: WatchedTenant['tokens'],
  counts: TrafficCounts,
): Promise<boolean> {
  for (let start = 0; start < tokens.length; start += tokensAtOnce) {
    const some = tokens.slice(start, start + tokensAtOnce)
    const items = await post(
      url,
      tenant,
      'decrypt',
      some.map(({ token }) => ({ token })),
      counts,
    )
    if (items === undefined) return false
    for (const [index, item] of items.entries()) {
      if (item.plaintext === some[index]?.plaintext) counts.decrypted += 1
      else counts.wrong.push(`${tenant.tenantId}: ${item.error?.code ?? 'another plaintext'}`)
    }
  }
  return true
}
