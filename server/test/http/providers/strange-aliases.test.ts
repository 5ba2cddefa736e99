// Aliases that lead to something strange: it is said at registration and at checks, with the key that they name.
import { CreateAliasCommand, DeleteAliasCommand } from '@aws-sdk/client-kms'
import { isKeyholdError } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import type { AwsCall } from '../../../src/kms/aws-call.ts'
import { examineAwsKey } from '../../../src/kms/examine-aws-key.ts'
import { resolveAlias } from '../../../src/kms/inspect-aws-key.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { createAlias, createKey, policyWithout, providers } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const send = (method: string, path: string, body?: unknown) =>
  server.request(method, path, { token: tenant.adminToken, ...(body !== undefined && { body }) })
const register = (arn: string) => send('POST', providers, { name: 'by alias', arn })
const check = async (arn: string) => (await send('POST', `${providers}/actions/check`, { arn })).body
const checkOf = (body: unknown, name: string) =>
  listAt(body, 'checks').filter((each) => textAt(each, 'check') === name)

const aliasOf = (arn: string) => createAlias(server, arn)
/** UpdateAlias refuses a key of another kind; deleting and making it again does not. */
async function move(name: string, arn: string): Promise<void> {
  await server.customerKms().send(new DeleteAliasCommand({ AliasName: name }))
  await server.customerKms().send(new CreateAliasCommand({ AliasName: name, TargetKeyId: arn }))
}

const kinds = [
  ['another spec', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }],
  ['another usage', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }],
] as const

test.each(kinds)('a key of %s', async (_, input) => {
  const strange = await createKey(server, input)
  const { aliasArn } = await aliasOf(strange)
  const created = await register(aliasArn)
  expect(errorCode(created.body)).toBe('ERR_KMS_KEY_WRONG_USAGE')
  const said = `The alias ${aliasArn} names ${strange}. The key is ${input.KeySpec} for ${input.KeyUsage}.`
  expect(created.text).toContain(said)
  const checked = await check(aliasArn)
  expect(checkOf(checked, 'Alias')).toMatchObject([{ outcome: 'failed', code: 'ERR_KMS_KEY_WRONG_USAGE' }])
  expect(textAt(checkOf(checked, 'Alias')[0], 'message')).toContain(said)
})

test('one that moves to a key of another kind is told, without the way to follow it', async () => {
  const [pinned, strange] = [
    await createKey(server),
    await createKey(server, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }),
  ]
  const { name, aliasArn } = await aliasOf(pinned)
  const path = `${providers}/${textAt((await register(aliasArn)).body, 'arnFingerPrint')}`
  expect(checkOf(await check(aliasArn), 'Alias')).toMatchObject([{ outcome: 'passed' }])
  await move(name, strange)
  const { body } = await send('POST', `${path}/actions/test`)
  expect(body).toMatchObject({ arn: pinned, alias: { state: 'moved', movedTo: strange } })
  expect(textAt(body, 'alias', 'message')).toContain('a key of another kind')
  expect(at(body, 'alias')).not.toHaveProperty('offer')
  await move(name, await createKey(server))
  expect(at((await send('POST', `${path}/actions/test`)).body, 'alias')).toHaveProperty('offer')
})

slowTest('another key than before is told at a check and at a registration', async () => {
  const [before, now] = [await createKey(server), await createKey(server)]
  const { name, aliasArn } = await aliasOf(before)
  expect((await register(aliasArn)).body).not.toHaveProperty('warnings', expect.arrayContaining([moved()]))
  await move(name, now)
  const checked = await check(aliasArn)
  expect(checkOf(checked, 'Alias').map((each) => textAt(each, 'outcome'))).toEqual(['passed', 'warning'])
  const { body } = await register(aliasArn)
  expect(body).toMatchObject({ arn: now, warnings: expect.arrayContaining([moved(before, now)]) as unknown })
})

function moved(before = '', now = ''): unknown {
  return expect.objectContaining({
    code: 'ERR_KEY_ALIAS_MOVED',
    message: expect.stringMatching(`names ${now}.*${before}`) as unknown,
  })
}

test('where DescribeKey is denied the check tells that it carries no context', async () => {
  const checked = await check(await createKey(server, { Policy: policyWithout('DescribeKey') }))
  const [found] = checkOf(checked, 'DescribeKey')
  expect(textAt(found, 'message')).toContain('DescribeKey carries no encryption context')
  // The words of the original stay what a caller of a registration gets.
  expect(textAt(checked, 'error', 'message')).toBe(
    'The policy of the provided key does not allow the required action [eu-west-1] [DescribeKey].',
  )
})

// AWS keeps an alias beside its key: only an endpoint in its place answers so.
const keyName = 'key/00000000-0000-4000-8000-000000000000'
const alias = 'arn:aws:kms:eu-west-1:222222222222:alias/x'
const answering = (arn: string | undefined) =>
  ((subject: { action: string }) =>
    Promise.resolve({
      KeyMetadata: {
        Arn: arn,
        KeySpec: 'SYMMETRIC_DEFAULT',
        KeyUsage: 'ENCRYPT_DECRYPT',
        KeyState: 'Enabled',
      },
      action: subject.action,
    })) as unknown as AwsCall
const access = { tenantId: 'tenant', role: undefined }

test.each([
  ['of another account', alias.replace('222222222222', '333333333333').replace('alias/x', keyName)],
  ['of another region', alias.replace('eu-west-1', 'eu-west-3').replace('alias/x', keyName)],
])('a key %s', async (_, arn) => {
  expect(await resolveAlias(answering(arn), alias, access)).toEqual({ keyArn: arn, problem: 'account' })
  const { error, checks } = await examineAwsKey(answering(arn), alias, { ...access, drRegions: new Map() })
  expect(error).toMatchObject({ code: 'ERR_KEY_UNUSABLE' })
  expect(error?.message).toContain(`names ${arn}, a key of another account or region`)
  expect(checks.filter(({ outcome }) => outcome === 'passed').map(({ check }) => check)).toEqual([
    'DescribeKey',
  ])
})

test.each([undefined, '', 'arn:aws:s3:::bucket', alias])(
  'an answer with the ARN %s names no key',
  async (arn) => {
    const { error } = await examineAwsKey(answering(arn), alias, { ...access, drRegions: new Map() })
    expect(error).toMatchObject({ code: 'ERR_KMS_KEY_NOT_FOUND' })
    await expect(resolveAlias(answering(arn), alias, access)).rejects.toSatisfy((thrown) =>
      isKeyholdError(thrown, 'ERR_KMS_KEY_NOT_FOUND'),
    )
  },
)
