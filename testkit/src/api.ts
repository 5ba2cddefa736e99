// What the migration tests do over HTTP.
import type { MigrationInformation } from '@keyhold/contract'
import { setTimeout } from 'node:timers/promises'

const providers = '/api/v1/encryption/keyproviders'

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

/** Registers a key and answers its fingerprint. */
export async function registerKey(url: string, { adminToken }: Tokens, arn: string): Promise<string> {
  const body = await expectStatus(201, call(url, adminToken, 'POST', providers, { name: 'key', arn }))
  return (body as { arnFingerPrint: string }).arnFingerPrint
}

export async function startMigration(
  url: string,
  { adminToken }: Tokens,
  fingerprint: string,
): Promise<string> {
  const path = `${providers}/${fingerprint}/actions/migrate`
  const body = await expectStatus(200, call(url, adminToken, 'POST', path))
  return (body as MigrationInformation).id
}

export async function migrationDetails(url: string, { adminToken }: Tokens): Promise<MigrationInformation> {
  const path = `${providers}/migration/actions/details`
  return (await expectStatus(200, call(url, adminToken, 'GET', path))) as MigrationInformation
}

/** Waits until the migration's details are as the test wants them. */
export async function waitForMigration(
  url: string,
  tokens: Tokens,
  isAsWanted: (details: MigrationInformation) => boolean,
): Promise<MigrationInformation> {
  let details: MigrationInformation | undefined
  for (let round = 0; round < 600; round++) {
    details = await migrationDetails(url, tokens)
    if (isAsWanted(details)) return details
    await setTimeout(50)
  }
  throw new Error(`the migration stays ${JSON.stringify(details)}`)
}

export function isCompleted({ state }: MigrationInformation): boolean {
  return state === 'Completed'
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
