// Registration examines a key before it believes in it.
import {
  CreateAliasCommand,
  DisableKeyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  customerAccount,
  customerKeyPolicy,
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { createKey, policyWithout, providers, registerKey, setPolicy } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const create = (arn: unknown, by = tenant, on = server) =>
  on.request('POST', providers, { token: by.adminToken, body: { name: 'a key', arn } })

const lacks = (region: string, action: string) =>
  `The policy of the provided key does not allow the required action [${region}] [${action}].`

describe('a key policy', () => {
  test.each(['DescribeKey', 'GenerateDataKey', 'Decrypt'])(
    'without %s is refused, naming region and action',
    async (action) => {
      const { status, body } = await create(await createKey(server, { Policy: policyWithout(action) }))

      expect(status).toBe(403)
      expect(errorCode(body)).toBe('Encryption-88')
      expect(textAt(body, 'errors', 0, 'detail')).toBe(lacks('eu-west-1', action))
    },
  )

  it('that names another tenant is refused', async () => {
    const arn = await createKey(server, { Policy: customerKeyPolicy(['another-tenant']) })

    const { status, body } = await create(arn)

    expect(status).toBe(403)
    expect(textAt(body, 'errors', 0, 'detail')).toBe(lacks('eu-west-1', 'GenerateDataKey'))
  })

  it('of a replica that lacks an action is told of wherever the provider is shown, until it is repaired', async () => {
    const owner = await server.createTenant()
    const token = owner.adminToken
    const arn = await server.createCustomerKey([owner.tenantId])
    const replica = arn.replace('eu-west-1', 'eu-west-3')
    await setPolicy(server.customerKms('eu-west-3'), replica, policyWithout('GenerateDataKey'))
    const complianceError = {
      code: 'Encryption-88',
      region: 'eu-west-3',
      message: lacks('eu-west-3', 'GenerateDataKey'),
    }

    const created = await create(arn, owner)

    expect(created.status).toBe(201)
    const path = `${providers}/${textAt(created.body, 'arnFingerPrint')}`
    const list = await server.request('GET', providers, { token })
    const fullList = await server.request('GET', `${providers}/actions/list`, { token })
    const single = await server.request('GET', path, { token })
    const shown = [created.body, listAt(list.body)[0], listAt(fullList.body)[1], single.body]
    for (const provider of shown) {
      expect(provider).toMatchObject({ drCompliant: false, multiRegion: true, complianceError })
    }

    const before = await server.request('POST', `${path}/actions/test`, { token })
    expect(at(before.body, 'drCompliant')).toBe(false)
    await setPolicy(server.customerKms('eu-west-3'), replica, customerKeyPolicy([owner.tenantId]))
    const after = await server.request('POST', `${path}/actions/test`, { token })
    expect(after.body).toMatchObject({
      drCompliant: true,
      complianceError: { code: '', region: '', message: '' },
    })
    expect((await server.request('GET', path, { token })).body).toEqual(after.body)
  })
})

describe('a key', () => {
  test.each([
    ['for signatures', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }],
    ['of RSA for encryption', { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }],
    ['for HMAC', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }],
  ] as const)('%s is refused with 406', async (_, input) => {
    const { status, body } = await create(await createKey(server, input))

    expect(status).toBe(406)
    expect(errorCode(body)).toBe('ERR_KMS_KEY_WRONG_USAGE')
  })

  it('that is disabled is refused with 406', async () => {
    const arn = await createKey(server)
    await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))

    const { status, body } = await create(arn)

    expect([status, errorCode(body)]).toEqual([406, 'ERR_KMS_KEY_DISABLED'])
  })

  slowTest('that is pending deletion is refused with 406', async () => {
    const arn = await createKey(server)
    await server.customerKms().send(new ScheduleKeyDeletionCommand({ KeyId: arn }))

    const { status, body } = await create(arn)

    expect([status, errorCode(body)]).toEqual([406, 'ERR_KMS_KEY_PENDING_DELETION'])
  })

  // AWS does not tell strangers whether a key exists.
  test.each([
    ['in the account of a customer', customerAccount, 403, 'Encryption-88'],
    ["in Keyhold's own account", keyholdAccount, 406, 'ERR_KMS_KEY_NOT_FOUND'],
  ])('that does not exist %s is refused, and nothing is stored', async (_, account, status, code) => {
    const arn = `arn:aws:kms:eu-west-1:${account}:key/00000000-0000-0000-0000-000000000000`

    const answer = await create(arn)

    expect([answer.status, errorCode(answer.body)]).toEqual([status, code])
    const rows = await server.query('select 1 from keyhold.key_providers where key_arn = $1', [arn])
    expect(rows).toEqual([])
  })

  it('whose KMS does not answer is refused with 408 within four seconds', async () => {
    const arn = await createKey(server)
    const remove = server.kms.faults.add({ kind: 'hang', match: { keyId: arn } })

    const startMs = performance.now()
    const { status, body } = await create(arn)
    remove()

    expect([status, errorCode(body)]).toEqual([408, 'ERR_KMS_TIMEOUT'])
    expect(performance.now() - startMs).toBeLessThan(4_000)
  })

  test.each([
    ['throttles', 'throttle', 'ERR_KMS_THROTTLED'],
    ['fails', 'error500', 'ERR_KMS_FAILED'],
  ] as const)('whose KMS %s is refused with 408', async (_, kind, code) => {
    const arn = await createKey(server)
    const remove = server.kms.faults.add({ kind, match: { keyId: arn } })

    const { status, body } = await create(arn)
    remove()

    expect([status, errorCode(body)]).toEqual([408, code])
  })

  it('of a single region is accepted, but not compliant', async () => {
    const { status, body } = await create(await createKey(server))

    expect(status).toBe(201)
    expect(body).toMatchObject({
      multiRegion: false,
      replicaKeys: [],
      drCompliant: false,
      complianceError: { code: 'ERR_KEY_SINGLE_REGION', region: 'eu-west-1' },
    })
  })

  it('of several regions without a replica is accepted, but not compliant', async () => {
    const { status, body } = await create(await createKey(server, { MultiRegion: true }))

    expect(status).toBe(201)
    expect(body).toMatchObject({ multiRegion: true, replicaKeys: [], drCompliant: false })
  })

  it('is registered once, by whatever name', async () => {
    const owner = await server.createTenant()
    const { arn } = await registerKey(server, owner)
    const alias = `alias/of-${owner.tenantId}`
    await server.customerKms().send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: arn }))

    const answers = [await create(arn, owner), await create(arn.replace(/key\/.*$/, alias), owner)]

    for (const { status, body } of answers) {
      expect([status, errorCode(body)]).toEqual([409, 'ERR_KEY_PROVIDER_EXISTS'])
    }
  })

  slowTest('is registered once, when asked for many times at once', async () => {
    const owner = await server.createTenant()
    const arn = await createKey(server)

    const answers = await Promise.all(Array.from({ length: 6 }, () => create(arn, owner)))

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409])
  })

  it('may be shared by two tenants', async () => {
    const arn = await createKey(server)

    expect((await create(arn, await server.createTenant())).status).toBe(201)
    expect((await create(arn, await server.createTenant())).status).toBe(201)
  })

  slowTest('may be registered by its replica', async () => {
    const owner = await server.createTenant()
    const arn = await createKey(server, { MultiRegion: true })
    const region = 'eu-central-1'
    const replicate = new ReplicateKeyCommand({
      KeyId: arn,
      ReplicaRegion: region,
      Policy: customerKeyPolicy(),
    })
    await server.customerKms().send(replicate)
    await new Promise((resolve) => setTimeout(resolve, 250))

    const { status, body } = await create(arn.replace('eu-west-1', region), owner)

    expect(status).toBe(201)
    expect(body).toMatchObject({ drCompliant: true, replicaKeys: [{ arn, region: 'eu-west-1' }] })
  })
})

describe('an ARN', () => {
  const key = 'key/12345678-1234-1234-1234-123456789012'
  const syntaxErrors = [
    '12345678-1234-1234-1234-123456789012',
    key,
    'alias/mine',
    'arn:aws:s3:::bucket',
    `arn:aws:s3:eu-west-1:222222222222:${key}`,
    `arn:aws-cn:kms:eu-west-1:222222222222:${key}`,
    `arn:aws:kms:us-east-1.evil.com:222222222222:${key}`,
    `arn:aws:kms:x@evil.com:443/#:222222222222:${key}`,
    `arn:aws:kms:us-east-١:222222222222:${key}`,
    `arn:aws:kms:169.254.169.254:222222222222:${key}`,
    `arn:aws:kms:eu-moon-1:222222222222:${key}`,
    `arn:aws:kms::222222222222:${key}`,
    `arn:aws:kms:eu-west-1:22222222222:${key}`,
    `arn:aws:kms:eu-west-1:2222222222222:${key}`,
    'arn:aws:kms:eu-west-1:222222222222:key/../x',
    'arn:aws:kms:eu-west-1:222222222222:alias/aws/s3',
    `arn:aws:kms:eu-west-1:222222222222:${key} `,
    ` arn:aws:kms:eu-west-1:222222222222:${key}`,
    `arn:aws:kms:eu-west-1:222222222222:key/${'a'.repeat(3_000)}`,
    `ARN:AWS:KMS:eu-west-1:222222222222:${key}`,
    `arn:aws:kms:eu-west-1:222222222222:${key.toUpperCase()}`,
    '#QLIK_MANAGED_KEY_PROVIDER#',
    'keyhold:root-key/0123456789abcdef',
  ]
  const notTexts = [
    ...['', null, 1, true, [], {}, ['arn']],
    `arn:aws:kms:us-east-1\n:222222222222:${key}`,
    `arn:aws:kms:eu-west-1:222222222222:${key}\u0000`,
  ]

  it('that is malformed is refused before any call to a KMS', async () => {
    server.kms.resetCallCounts()

    for (const arn of syntaxErrors) {
      const { status, body } = await create(arn)
      expect([status, errorCode(body)], arn).toEqual([417, 'ERR_ARN_INVALID'])
    }
    for (const arn of notTexts) {
      expect((await create(arn)).status, JSON.stringify(arn)).toBe(400)
    }

    expect(server.kms.countCalls()).toBe(0)
  })

  it("of the installation's own root key can't be registered", async () => {
    const [row] = await server.query(
      `select key_arn from keyhold.key_providers where kms = 'internal' limit 1`,
    )

    const { status } = await create(at(row, 'key_arn'))

    expect(status).toBe(417)
  })
})

it('refuses keys of a single region where the setting says so', async () => {
  const strict = await startTestServer({ KEYHOLD_REQUIRE_MULTI_REGION: 'true' })
  try {
    const owner = await strict.createTenant()

    const refused = await create(await createKey(strict), owner, strict)
    const accepted = await create(await strict.createCustomerKey(), owner, strict)

    expect([refused.status, errorCode(refused.body)]).toEqual([406, 'ERR_KEY_SINGLE_REGION'])
    expect(accepted.status).toBe(201)
  } finally {
    await strict.stop()
  }
})
