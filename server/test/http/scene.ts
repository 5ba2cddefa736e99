// Set-ups that tests of the HTTP surface need again and again.
import {
  CreateAliasCommand,
  CreateKeyCommand,
  PutKeyPolicyCommand,
  type CreateKeyCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms'
import {
  customerKeyPolicy,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { registerKey as register } from '../../../testkit/src/tenants/register-key.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { waitForMigration } from '../../../testkit/src/tenants/wait-for-migration.ts'
import { listAt, textAt } from './read-body.ts'

export const providers = '/api/v1/encryption/keyproviders'
export const details = `${providers}/migration/actions/details`
export const reset = `${providers}/actions/reset-to-default-provider`

/** A single-region key of the customer's, which Keyhold may use; answers its ARN. */
export async function createKey(server: TestServer, input: CreateKeyCommandInput = {}): Promise<string> {
  const command = new CreateKeyCommand({ Policy: customerKeyPolicy(), ...input })
  return (await server.customerKms().send(command)).KeyMetadata?.Arn ?? ''
}

let aliases = 0

/** Makes an alias of its own for a key. */
export async function createAlias(
  server: TestServer,
  keyArn: string,
): Promise<{ name: string; aliasArn: string }> {
  aliases += 1
  const name = `alias/made-${aliases}`
  await server.customerKms().send(new CreateAliasCommand({ AliasName: name, TargetKeyId: keyArn }))
  return { name, aliasArn: keyArn.replace(/key\/.*$/, name) }
}

/** Registers a key, a new single-region one by default. */
export async function registerKey(
  server: TestServer,
  tenant: TestTenant,
  keyArn?: string,
): Promise<{ arn: string; fingerprint: string }> {
  const arn = keyArn ?? (await createKey(server))
  return { arn, fingerprint: await register(server.url, tenant, arn) }
}

/** Migrates and waits for the end. */
export async function migrateTo(server: TestServer, tenant: TestTenant, fingerprint: string): Promise<void> {
  await startMigration(server.url, tenant, fingerprint)
  await waitForMigration(server.url, tenant)
}

/** A tenant whose current provider is a key of its own. */
export async function createTenantWithOwnKey(server: TestServer): Promise<TestTenant & { arn: string }> {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant)
  await migrateTo(server, tenant, fingerprint)
  return { ...tenant, arn }
}

export async function waitUntil(isDone: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The usual policy without one action of Keyhold's; without an action: with nothing for Keyhold at all. */
export function policyWithout(action?: string): string {
  const policy: unknown = JSON.parse(customerKeyPolicy())
  const [owner, use, describe] = listAt(policy, 'Statement')
  const allowed = ['kms:GenerateDataKey', 'kms:Decrypt'].filter((each) => each !== `kms:${action ?? ''}`)
  const forKeyhold = [
    { ...Object(use), Action: allowed } as unknown,
    ...(action === 'DescribeKey' ? [] : [describe]),
  ]
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [owner, ...(action === undefined ? [] : forKeyhold)],
  })
}

export async function setPolicy(client: KMSClient, keyId: string, policy: string): Promise<void> {
  await client.send(new PutKeyPolicyCommand({ KeyId: keyId, PolicyName: 'default', Policy: policy }))
}

/** Encrypts one text and answers its token. */
export async function encryptText(
  server: TestServer,
  { serviceToken: token }: TestTenant,
  plaintext: string,
  options: { keyName?: string; context?: Record<string, string> } = {},
): Promise<string> {
  const item = { plaintext: Buffer.from(plaintext).toString('base64'), ...options }
  const { body } = await server.request('POST', '/api/v1/encryption/encrypt', {
    token,
    body: { items: [item] },
  })
  return textAt(body, 'items', 0, 'token')
}
