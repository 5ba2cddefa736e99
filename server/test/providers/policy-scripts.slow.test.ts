// The scripts that `keyprovider policy` prints, run as a customer runs them: by the AWS CLI against local-kms, and by
// Terraform as far as it goes without its provider for AWS. PATH has `aws` and `terraform`, or AWS_CLI and TERRAFORM name
// them. What is missing is skipped by name.
import { DescribeKeyCommand, ListKeysCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
import { at, textAt } from '../http/read-body.ts'
import { providers } from '../http/scene.ts'
import { hclString } from '../../src/providers/policy/quote.ts'
import { terraformModule } from '../../src/providers/policy/terraform-module.ts'
import { hostileTexts } from './hostile-texts.ts'

const run = promisify(execFile)
const awsCli = process.env.AWS_CLI ?? 'aws'
const terraform = process.env.TERRAFORM ?? 'terraform'

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const hasCli = runs(awsCli, '--version')
const hasTerraform = runs(terraform, 'version')
// Each call of the CLI starts a Python.
const timeout = { timeout: 300_000 }

let server: TestServer
let tenant: TestTenant
let folder: string
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_DR_REGIONS: 'eu-west-1:eu-west-3' })
  folder = mkdtempSync(path.join(tmpdir(), 'keyhold-scripts-'))
  if (awsCli !== 'aws') symlinkSync(awsCli, path.join(folder, 'aws'))
})
beforeAll(async () => {
  tenant = await server.createTenant()
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await server.stop()
})

async function policyOf(query: Record<string, string>): Promise<unknown> {
  const url = `/api/v1/encryption/policy?${new URLSearchParams(query).toString()}`
  return (await server.request('GET', url, { token: tenant.adminToken })).body
}

/** Answers the last line of the output. */
async function runScript(script: string, more: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run('bash', ['--norc', '-c', script], {
    env: {
      ...process.env,
      PATH: `${folder}:${process.env.PATH ?? ''}`,
      AWS_ACCESS_KEY_ID: customerAccount,
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: server.kms.url,
      AWS_PAGER: '',
      ...more,
    },
  })
  return stdout.trim().split('\n').at(-1) ?? ''
}

const register = (arn: string) =>
  server.request('POST', providers, { token: tenant.adminToken, body: { name: 'scripted', arn } })

const countKeys = async () => (await server.customerKms().send(new ListKeysCommand({}))).Keys?.length ?? 0

describe.skipIf(!hasCli)('the AWS CLI (skipped where neither PATH nor AWS_CLI has it)', timeout, () => {
  test('makes a key that Keyhold accepts, and makes it once', async () => {
    const body = await policyOf({ account: customerAccount, regions: 'eu-west-1,eu-north-1' })
    const script = textAt(body, 'awsCli')
    const arn = await runScript(script)
    const { status, body: registered } = await register(arn)
    expect(status).toBe(201)
    expect(registered).toMatchObject({ arn, drCompliant: true, multiRegion: true })
    expect(registered).not.toHaveProperty('warnings')
    const keys = await countKeys()
    expect(await runScript(script)).toBe(arn)
    expect(await countKeys()).toBe(keys)
    for (const region of ['eu-west-1', 'eu-north-1', 'eu-west-3']) {
      const describeKey = new DescribeKeyCommand({ KeyId: `alias/keyhold-${tenant.tenantId}` })
      const { KeyMetadata } = await server.customerKms(region).send(describeKey)
      expect(KeyMetadata?.Arn).toBe(arn.replace('eu-west-1', region))
    }
    // A registered key is known in its regions: nobody names them again.
    const known = await policyOf({ arn })
    expect((at(known, 'regions') as { region: string }[]).map(({ region }) => region)).toEqual([
      ...['eu-west-1', 'eu-west-3', 'eu-north-1'],
    ])
  })

  test('completes a key that exists, and replaces no policy of the customer’s without being told to', async () => {
    const kms = server.customerKms()
    const arn = await runScript(
      'aws kms create-key --region eu-west-1 --multi-region --query KeyMetadata.Arn --output text',
    )
    const own = {
      Statement: {
        ...{ Sid: 'Own', Effect: 'Allow', Action: 'kms:*', Resource: '*' },
        Principal: { AWS: `arn:aws:iam::${customerAccount}:root` },
      },
    }
    await kms.send(new PutKeyPolicyCommand({ KeyId: arn, Policy: JSON.stringify(own) }))
    const script = textAt(await policyOf({ arn }), 'awsCli')
    await expect(runScript(script)).rejects.toThrow('The key in eu-west-1 has a policy of its own.')
    expect((await register(arn)).status).toBe(403)
    expect(await runScript(script, { REPLACE_POLICY: 'yes' })).toBe(arn)
    expect((await register(arn)).status).toBe(201)
  })

  test('takes neither another tenant nor anybody else what a policy gives them', async () => {
    const kms = server.customerKms()
    const create = 'aws kms create-key --region eu-west-1 --query KeyMetadata.Arn --output text'
    const arn = await runScript(create)
    const body = await policyOf({ arn })
    const script = textAt(body, 'awsCli')
    // AWS's own default, and then that of the first run.
    for (let times = 0; times < 2; times++) expect(await runScript(script)).toBe(arn)

    const other = await server.createTenant()
    const query = new URLSearchParams({ arn }).toString()
    const ofOther = await server.request('GET', `/api/v1/encryption/policy?${query}`, {
      token: other.adminToken,
    })
    const refused = 'The key in eu-west-1 has a policy of its own.'
    await expect(runScript(textAt(ofOther.body, 'awsCli'))).rejects.toThrow(refused)

    const { Statement, ...rest } = at(body, 'regions', 0, 'policy') as { Statement: object[] }
    const [first = {}] = Statement
    for (const more of [
      { ...rest, Statement: [...Statement, { ...first, Sid: 'More' }] },
      { Version: '2012-10-17', Id: 'key-default-1', Statement: [first, { ...first, Sid: 'More' }] },
    ]) {
      await kms.send(new PutKeyPolicyCommand({ KeyId: arn, Policy: JSON.stringify(more) }))
      await expect(runScript(script)).rejects.toThrow(refused)
    }
  })

  test('grants let Keyhold in, and no other tenant, whatever the key policy says', async () => {
    const create =
      'aws kms create-key --region eu-west-1 --multi-region --query KeyMetadata.Arn --output text'
    const arn = await runScript(create)
    const replicate = `aws kms replicate-key --region eu-west-1 --key-id ${arn} --replica-region eu-west-3`
    await runScript(replicate)
    const script = textAt(await policyOf({ arn }), 'awsCliGrants')
    const grantId = await runScript(script)
    expect(grantId).toMatch(/^[0-9a-f]{64}$/)
    expect(await runScript(script)).toBe(grantId)
    const { status, body } = await register(arn)
    expect(status).toBe(201)
    expect(body).toMatchObject({ drCompliant: true })
    expect(body).not.toHaveProperty('warnings')
  })

  test('does nothing with the credentials of another account', async () => {
    const body = await policyOf({ account: customerAccount, regions: 'eu-west-1' })
    const stranger = { AWS_ACCESS_KEY_ID: '333333333333' }
    await expect(runScript(textAt(body, 'awsCli'), stranger)).rejects.toThrow(
      'These are credentials of the account 333333333333',
    )
  })
})

describe.skipIf(!hasTerraform)('Terraform (skipped where neither PATH nor TERRAFORM has it)', timeout, () => {
  async function evaluate(literal: string): Promise<string> {
    const empty = mkdtempSync(path.join(folder, 'empty-'))
    const console = run(terraform, ['console'], { cwd: empty })
    console.child.stdin?.end(`base64encode(${literal})\n`)
    const { stdout } = await console
    return Buffer.from(JSON.parse(stdout.trim()) as string, 'base64').toString()
  }

  test('reads the module as formatted text, and its policy as the one of the answer', async () => {
    const body = await policyOf({ account: customerAccount, regions: 'eu-west-1,eu-north-1' })
    const module = textAt(body, 'terraform')
    writeFileSync(path.join(folder, 'module.tf'), module)
    await run(terraform, ['fmt', '-check', '-diff', path.join(folder, 'module.tf')])
    rmSync(path.join(folder, 'module.tf'))
    const [, expression = ''] = /policy = (jsonencode\(.*?\n {2}\}\))/s.exec(module) ?? []
    expect(JSON.parse(await evaluate(expression.replaceAll('\n', ' ')))).toEqual(
      at(body, 'regions', 0, 'policy'),
    )
  })

  test('reads the resource for a key that exists', async () => {
    const arn = `arn:aws:kms:eu-west-1:${customerAccount}:key/mrk-1234abcd12ab34cd56ef1234567890ab`
    const text = textAt(await policyOf({ arn }), 'regions', 0, 'terraform')
    writeFileSync(path.join(folder, 'policy.tf'), text)
    await run(terraform, ['fmt', '-check', '-diff', path.join(folder, 'policy.tf')])
    rmSync(path.join(folder, 'policy.tf'))
  })

  test('evaluates hostile texts to themselves', async () => {
    for (const text of hostileTexts) expect(await evaluate(hclString(text))).toBe(text)
    const [policy, accountId] = [{ Version: '2012-10-17' as const, Statement: [] }, customerAccount]
    for (const tenantId of hostileTexts) {
      const regions = [{ region: 'eu-west-1', keyArn: undefined, policy }]
      const module = terraformModule({ accountId, aliasName: tenantId, regions, tenantId })
      writeFileSync(path.join(folder, 'hostile.tf'), module)
      await run(terraform, ['fmt', '-check', path.join(folder, 'hostile.tf')])
    }
    rmSync(path.join(folder, 'hostile.tf'))
  })
})
