// The calls that the migration tests make over HTTP.
import { registerKey } from '../tenants/register-key.ts'
import { startMigration } from '../tenants/start-migration.ts'
import { isCompleted, migrationDetails, waitForMigration } from '../tenants/wait-for-migration.ts'

export { isCompleted, migrationDetails, registerKey, startMigration, waitForMigration }

export interface Tokens {
  adminToken: string
  serviceToken: string
}

/** Calls one route and answers status and parsed body. */
export async function call(
  url: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
}

async function expectStatus(
  status: number,
  answer: Promise<{ status: number; body: unknown }>,
): Promise<unknown> {
  const { status: actual, body } = await answer
  if (actual !== status) throw new Error(`expected ${status}, got ${actual}: ${JSON.stringify(body)}`)
  return body
}

/** Encrypts one value under each key name and answers the tokens. */
export async function encryptUnder(
  url: string,
  { serviceToken }: Tokens,
  keyNames: string[],
): Promise<string[]> {
  const items = keyNames.map((keyName) => ({ keyName, plaintext: plaintextOf(keyName) }))
  const body = await expectStatus(
    200,
    call(url, serviceToken, 'POST', '/api/v1/encryption/encrypt', { items }),
  )
  return (body as { items: { token: string }[] }).items.map(({ token }) => token)
}

/** The value that `encryptUnder` encrypts, in base64. */
export function plaintextOf(keyName: string): string {
  return Buffer.from(`the secret of ${keyName}`).toString('base64')
}

/** Decrypts tokens and answers the plaintexts in base64, or the items' error codes. */
export async function decryptAll(url: string, { serviceToken }: Tokens, tokens: string[]): Promise<string[]> {
  const plaintexts: string[] = []
  for (let start = 0; start < tokens.length; start += 1_000) {
    const items = tokens.slice(start, start + 1_000).map((token) => ({ token }))
    const body = await expectStatus(
      200,
      call(url, serviceToken, 'POST', '/api/v1/encryption/decrypt', { items }),
    )
    const answers = (body as { items: { plaintext?: string; error?: { code: string } }[] }).items
    plaintexts.push(...answers.map((item) => item.plaintext ?? item.error?.code ?? ''))
  }
  return plaintexts
}
