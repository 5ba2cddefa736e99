// An alias is pinned to the key that it named; and what a check tells without storing anything.
import { DeleteAliasCommand, PutKeyPolicyCommand, UpdateAliasCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  customerKeyPolicy,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
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
const check = (arn: string, on = server, by = tenant) =>
  on.request('POST', `${providers}/actions/check`, { token: by.adminToken, body: { arn } })

const aliasOf = (arn: string) => createAlias(server, arn)

describe('an alias', () => {
  it('is kept beside the key, and its moving is told, never followed', async () => {
    const [first, second] = [await createKey(server), await createKey(server)]
    const { name, aliasArn } = await aliasOf(first)
    const created = await send('POST', providers, { name: 'by alias', arn: aliasArn })
    expect(created.status).toBe(201)
    expect(created.body).toMatchObject({ arn: first, alias: { arn: aliasArn, state: 'same' } })
    const path = `${providers}/${textAt(created.body, 'arnFingerPrint')}`

    await server.customerKms().send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: second }))
    const tested = await send('POST', `${path}/actions/test`)

    expect(tested.status).toBe(201)
    expect(tested.body).toMatchObject({ arn: first, alias: { state: 'moved', movedTo: second } })
    expect(textAt(tested.body, 'alias', 'message')).toContain(`register ${second} and migrate`)
    expect((await send('GET', path)).body).toEqual(tested.body)

    await server.customerKms().send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: first }))
    expect((await send('POST', `${path}/actions/test`)).body).toMatchObject({ alias: { state: 'same' } })
    await server.customerKms().send(new DeleteAliasCommand({ AliasName: name }))
    expect((await send('POST', `${path}/actions/test`)).body).toMatchObject({
      alias: { state: 'unresolved' },
    })
  })

  slowTest(
    'that moved is told also where the registered key fails, and an outage says nothing about it',
    async () => {
      const [first, second] = [await createKey(server), await createKey(server)]
      const { name, aliasArn } = await aliasOf(first)
      const created = await send('POST', providers, { name: 'by alias', arn: aliasArn })
      const path = `${providers}/${textAt(created.body, 'arnFingerPrint')}`
      const remove = server.kms.faults.add({ kind: 'error500' })
      expect((await send('POST', `${path}/actions/test`)).status).toBe(408)
      remove()
      expect((await send('GET', path)).body).toMatchObject({ alias: { state: 'same' } })
      const client = server.customerKms()
      await client.send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: second }))
      await client.send(new PutKeyPolicyCommand({ KeyId: first, Policy: policyWithout() }))
      expect((await send('POST', `${path}/actions/test`)).status).toBe(400)
      expect((await send('GET', path)).body).toMatchObject({
        arn: first,
        alias: { state: 'moved', movedTo: second },
      })
    },
  )

  it('is no member of a provider that was registered by the key itself', async () => {
    const created = await send('POST', providers, { name: 'by key', arn: await createKey(server) })
    expect(created.body).not.toHaveProperty('alias')
    expect(created.body).not.toHaveProperty('roleArn')
  })
})

const outcomes = (body: unknown) =>
  listAt(body, 'checks').map((each) => [
    textAt(each, 'region'),
    textAt(each, 'check'),
    textAt(each, 'outcome'),
  ])

describe('a check', () => {
  it('of a good key passes everything, in each region, and stores nothing', async () => {
    const arn = await server.createCustomerKey([tenant.tenantId])
    const { status, body } = await check(arn)
    expect(status).toBe(200)
    expect(body).toMatchObject({ accepted: true, registered: false, arn, drCompliant: true })
    const names = ['DescribeKey', 'KeyState', 'GenerateDataKey', 'Decrypt', 'ContextCondition']
    expect(outcomes(body)).toEqual([
      ...[...names, 'Replica'].map((name) => ['eu-west-1', name, 'passed']),
      ...names.map((name) => ['eu-west-3', name, 'passed']),
    ])
    const list = await send('GET', providers)
    expect(listAt(list.body).map((each) => at(each, 'arn'))).not.toContain(arn)
  })

  test.each([
    [
      'DescribeKey',
      [
        ['DescribeKey', 'failed'],
        ['GenerateDataKey', 'passed'],
        ['Decrypt', 'passed'],
      ],
    ],
    [
      'GenerateDataKey',
      [
        ['DescribeKey', 'passed'],
        ['GenerateDataKey', 'failed'],
        ['Decrypt', 'skipped'],
      ],
    ],
    [
      'Decrypt',
      [
        ['DescribeKey', 'passed'],
        ['GenerateDataKey', 'passed'],
        ['Decrypt', 'failed'],
      ],
    ],
  ])('of a key without %s tells it, and goes on', async (action, expected) => {
    const { status, body } = await check(await createKey(server, { Policy: policyWithout(action) }))
    expect(status).toBe(200)
    expect(body).toMatchObject({ accepted: false, error: { code: 'Encryption-88' } })
    const found = outcomes(body).map(([, name, outcome]) => [name, outcome])
    expect(found).toEqual(expect.arrayContaining(expected))
  })

  it('of a registered key says so', async () => {
    const arn = await createKey(server)
    await send('POST', providers, { name: 'known', arn })
    expect((await check(arn)).body).toMatchObject({ accepted: false, registered: true })
  })

  it('refuses what is no ARN before any call', async () => {
    server.kms.resetCallCounts()
    const { status, body } = await check('arn:aws:kms:eu-moon-1:222222222222:alias/x')
    expect([status, errorCode(body)]).toEqual([417, 'ERR_ARN_INVALID'])
    expect(server.kms.countCalls()).toBe(0)
  })
})

test('a policy that admits every tenant is refused, where the installation says so', async () => {
  const strict = await startTestServer({ KEYHOLD_REQUIRE_CONTEXT_CONDITION: 'true' })
  const owner = await strict.createTenant()
  const register = (arn: string) =>
    strict.request('POST', providers, { token: owner.adminToken, body: { name: 'x', arn } })
  const open = await createKey(strict, { Policy: customerKeyPolicy() })
  const refused = await register(open)
  expect([refused.status, errorCode(refused.body)]).toEqual([406, 'ERR_KEY_POLICY_TOO_WIDE'])
  expect((await check(open, strict, owner)).body).toMatchObject({
    accepted: false,
    error: { code: 'ERR_KEY_POLICY_TOO_WIDE' },
  })
  const narrow = await createKey(strict, { Policy: customerKeyPolicy([owner.tenantId]) })
  expect((await register(narrow)).status).toBe(201)
  await strict.stop()
})
