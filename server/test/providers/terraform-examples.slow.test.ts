// The Terraform examples in `deploy/`, as far as Terraform goes without its provider for AWS: their form, and the policies in them,
// which are in modules without resources. The customer's policy is tried on a key in local-kms.
import { CreateKeyCommand, ReplicateKeyCommand } from '@aws-sdk/client-kms'
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  customerAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, listAt } from '../http/read-body.ts'
import { providers } from '../http/scene.ts'

const run = promisify(execFile)
const terraform = process.env.TERRAFORM ?? 'terraform'
const examples = path.join(import.meta.dirname, '../../../deploy/terraform')

function hasTerraform(): boolean {
  try {
    execFileSync(terraform, ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const name =
  'the Terraform examples (not run: terraform is not installed, where neither PATH nor TERRAFORM has it)'

describe.skipIf(!hasTerraform())(name, { timeout: 120_000 }, () => {
  let server: TestServer
  let tenant: TestTenant
  let folder: string
  beforeAll(async () => {
    server = await startTestServer({ KEYHOLD_DR_REGIONS: 'eu-west-1:eu-west-3' })
    tenant = await server.createTenant()
    folder = mkdtempSync(path.join(tmpdir(), 'keyhold-terraform-'))
    cpSync(examples, folder, { recursive: true })
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await server.stop()
  })

  /** The policy of a module without resources. */
  async function policyOf(module: string, variables: Record<string, unknown>): Promise<string> {
    const chdir = `-chdir=${path.join(folder, module)}`
    await run(terraform, [chdir, 'init', '-input=false', '-no-color'])
    const values = Object.entries(variables).flatMap(([name, value]) => [
      '-var',
      `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ])
    await run(terraform, [chdir, 'apply', '-auto-approve', '-input=false', '-no-color', ...values])
    const { stdout } = await run(terraform, [chdir, 'output', '-raw', 'policy'])
    return stdout
  }

  test('are formatted, and Terraform reads them', async () => {
    await run(terraform, ['fmt', '-check', '-diff', '-recursive', folder])
  })

  test("a key with the customer's policy is one that Keyhold accepts without a warning", async () => {
    const query = new URLSearchParams({ account: customerAccount, regions: 'eu-west-1' }).toString()
    const printed = await server.request('GET', `/api/v1/encryption/policy?${query}`, {
      token: tenant.adminToken,
    })
    const principals = listAt(printed.body, 'principals')
    const policy = await policyOf('customer/key-policy', {
      account_id: customerAccount,
      keyhold_principals: principals,
      tenant_id: tenant.tenantId,
    })
    expect(JSON.parse(policy)).toEqual(at(printed.body, 'regions', 0, 'policy'))
    const kms = server.customerKms()
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ MultiRegion: true, Policy: policy }))
    const arn = KeyMetadata?.Arn ?? ''
    await kms.send(new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: 'eu-west-3', Policy: policy }))
    const { status, body } = await server.request('POST', providers, {
      token: tenant.adminToken,
      body: { name: 'by Terraform', arn },
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({ drCompliant: true, multiRegion: true })
    expect(body).not.toHaveProperty('warnings')
  })

  test('the operator may use keys for tenants alone, and no role of their own account', async () => {
    const policy = JSON.parse(
      await policyOf('operator/permissions', { account_id: '111122223333' }),
    ) as unknown
    expect(listAt(policy, 'Statement').map((statement) => at(statement, 'Action'))).toEqual([
      ['kms:GenerateDataKey', 'kms:Decrypt'],
      'kms:DescribeKey',
      'sts:AssumeRole',
      'sts:AssumeRole',
    ])
    expect(at(policy, 'Statement', 0, 'Condition')).toEqual({
      Null: { 'kms:EncryptionContext:tenantId': 'false' },
    })
    expect(at(policy, 'Statement', 3)).toMatchObject({
      Effect: 'Deny',
      Resource: 'arn:aws:iam::111122223333:role/*',
    })
  })

  test.each([
    [
      'customer/key-policy',
      { account_id: '1', keyhold_principals: ['arn:aws:iam::111122223333:role/k'], tenant_id: 't' },
    ],
    ['customer/key-policy', { account_id: '111122223333', keyhold_principals: [], tenant_id: 't' }],
    ['customer/key-policy', { account_id: '111122223333', keyhold_principals: ['*'], tenant_id: 't' }],
    [
      'customer/key-policy',
      {
        account_id: '111122223333',
        keyhold_principals: ['arn:aws:iam::111122223333:role/k'],
        tenant_id: '*',
      },
    ],
    ['operator/permissions', { account_id: 'mine' }],
  ])('%s refuses %o', async (module, variables) => {
    await expect(policyOf(module, variables)).rejects.toThrow('Invalid value for variable')
  })
})
