// Drills for the loss of a region: what they find is what would happen, and traffic does not notice them.
import { PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import type { DrDrill } from '@keyhold/contract'
import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { at, errorCode, listAt } from '../http/read-body.ts'
import { createKey, encryptText, migrateTo, policyWithout, registerKey } from '../http/scene.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const path = '/api/v1/encryption/dr-drill'
const [own, other] = ['eu-west-1', 'eu-west-3']

let server: TestServer
beforeAll(async () => {
  // Held keys last for the whole test: only evicted ones ask the KMS again.
  // No probe looks at the keys beside the drills.
  server = await startTestServer(
    { KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600' },
    { timings: { probeRoundMs: 600_000 } },
  )
})
afterAll(() => server.stop())
beforeEach(() => {
  for (const region of [own, other]) server.kms.regions.bringBack(region)
})

interface Scene {
  tenant: TestTenant
  arn: string
  text: string
}

async function tenantUnder(arn: string): Promise<Scene> {
  const tenant = await server.createTenant()
  const { fingerprint } = await registerKey(server, tenant, arn)
  await migrateTo(server, tenant, fingerprint)
  return { tenant, arn, text: await encryptText(server, tenant, 'drilled') }
}

async function drill({ adminToken: token }: TestTenant, body: object = {}): Promise<DrDrill> {
  const answer = await server.request('POST', `${path}/actions/run`, { token, body })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body as DrDrill
}

async function outcome({ tenant: { serviceToken: token }, text }: Scene): Promise<string> {
  const body = { items: [{ token: text }] }
  const answer = await server.request('POST', '/api/v1/encryption/decrypt', { token, body })
  return answer.status === 200 ? 'open' : errorCode(answer.body)
}

/** The case that a drill plays: the region goes, and nothing is held. */
async function outcomeWithout(region: string, scene: Scene): Promise<string> {
  server.kms.regions.takeDown(region, 'refused')
  await server.request('PATCH', '/api/v1/encryption/settings', {
    token: scene.tenant.adminToken,
    body: { keyCacheTtlSeconds: 3_600 },
  })
  return outcome(scene)
}

const decryptsOf = ({ arn }: Scene, region: string) =>
  server.kms.countCalls({ keyId: arn.split('/')[1], region, operation: 'Decrypt' })

// It comes first: for a while after its own region was away, a key is shown as one that another region stands in for.
slowTest('a region that is away fails after one try, and nothing of it is remembered', async () => {
  const scene = await tenantUnder(await server.createCustomerKey())
  server.kms.regions.takeDown(other, 'hanging')
  for (let round = 0; round < 2; round++) {
    const { report } = await drill(scene.tenant)
    const [region] = report.keys[0]?.regions ?? []
    expect(region).toMatchObject({ passed: false, code: 'ERR_KMS_TIMEOUT' })
    expect(region?.steps.map((step) => step.outcome)).toEqual(['failed', 'skipped'])
    expect(await outcome(scene)).toBe('open')
  }
  const health = await server.request(
    'GET',
    `/api/v1/encryption/keyproviders/${(await drill(scene.tenant)).report.keys[0]?.fingerprint ?? ''}/health`,
    { token: scene.tenant.adminToken },
  )
  expect(health.body).toMatchObject({ state: 'healthy' })
  server.kms.regions.bringBack(other)
  expect((await drill(scene.tenant)).report.passed).toBe(true)
  expect(await outcomeWithout(own, scene)).toBe('open')
})

test('a key with a working replica passes: its tenant keys are opened there, and one is made', async () => {
  const scene = await tenantUnder(await server.createCustomerKey())
  const before = decryptsOf(scene, own)
  const { report } = await drill(scene.tenant)
  expect(report).toMatchObject({
    type: 'keyhold/dr-drill/1',
    tenantId: scene.tenant.tenantId,
    lostRegion: null,
    passed: true,
    drCompliant: true,
    keys: [
      {
        keyArn: scene.arn,
        region: own,
        tenantKeyVersions: [2],
        passed: true,
        drCompliant: true,
        advice: '',
        regions: [
          {
            region: other,
            passed: true,
            steps: [
              { step: 'unwrap', tenantKeyVersion: 2, outcome: 'passed' },
              { step: 'create', outcome: 'passed' },
            ],
          },
        ],
      },
    ],
  })
  for (const { ms } of report.keys[0]?.regions[0]?.steps ?? []) expect(ms).toBeGreaterThanOrEqual(0)
  // As if the own region were away: it is not asked.
  expect(decryptsOf(scene, own)).toBe(before)
  expect(await outcomeWithout(own, scene)).toBe('open')
})

slowTest(
  'a policy that lacks an action in the replica fails, and says what is to be done there',
  async () => {
    for (const [action, expected] of [
      ['Decrypt', 'ERR_KMS_DENIED'],
      ['GenerateDataKey', 'open'],
    ] as const) {
      const scene = await tenantUnder(await server.createCustomerKey())
      const replica = scene.arn.replace(own, other)
      const put = new PutKeyPolicyCommand({ KeyId: replica, Policy: policyWithout(action) })
      await server.customerKms(other).send(put)
      const { report } = await drill(scene.tenant)
      expect(report).toMatchObject({ passed: false, drCompliant: false })
      const [region] = report.keys[0]?.regions ?? []
      expect(region).toMatchObject({ region: other, passed: false, code: 'ERR_KMS_DENIED' })
      expect(region?.cause).toContain(`kms:${action}`)
      expect(report.keys[0]?.advice).toContain('keyhold keyprovider policy')
      expect(region?.steps.map((step) => step.outcome)).toEqual(
        action === 'Decrypt' ? ['failed', 'failed'] : ['passed', 'failed'],
      )
      expect(await outcomeWithout(own, scene)).toBe(expected === 'open' ? 'open' : 'ERR_KMS_UNREACHABLE')
      server.kms.regions.bringBack(own)
    }
  },
)

test('a key without a replica fails, whatever is done in its own region', async () => {
  for (const input of [{}, { MultiRegion: true }]) {
    const scene = await tenantUnder(await createKey(server, input))
    const { report } = await drill(scene.tenant)
    expect(report).toMatchObject({
      passed: false,
      drCompliant: false,
      keys: [{ passed: false, regions: [] }],
    })
    expect(report.keys[0]?.advice).toContain('replica')
    expect(await outcomeWithout(own, scene)).toBe('ERR_KMS_UNREACHABLE')
    server.kms.regions.bringBack(own)
  }
})

slowTest('a replica that is missing in the region that is required fails by its name', async () => {
  const strict = await startTestServer({ KEYHOLD_DR_REGIONS: 'eu-west-1:eu-central-1' })
  try {
    const tenant = await strict.createTenant()
    const { fingerprint } = await registerKey(strict, tenant, await strict.createCustomerKey())
    await migrateTo(strict, tenant, fingerprint)
    const answer = await strict.request('POST', `${path}/actions/run`, { token: tenant.adminToken, body: {} })
    // The other replica would let it go on; what the operator asks for it does not.
    expect(at(answer.body, 'report')).toMatchObject({ passed: true, drCompliant: false })
    const regions = listAt(answer.body, 'report', 'keys', 0, 'regions')
    expect(regions).toMatchObject([
      {
        region: 'eu-central-1',
        passed: false,
        code: 'ERR_KMS_DENIED',
        cause: 'The key has no replica in eu-central-1 that Keyhold could see.',
      },
      { region: other, passed: true },
    ])
  } finally {
    await strict.stop()
  }
})

slowTest('a drill holds nothing up and evicts nothing: what is held asks the KMS for nothing', async () => {
  const scene = await tenantUnder(await server.createCustomerKey())
  const before = decryptsOf(scene, own)
  const drills = Promise.all([
    drill(scene.tenant),
    drill((await tenantUnder(await createKey(server))).tenant),
  ])
  for (let call = 0; call < 20; call++) expect(await outcome(scene)).toBe('open')
  await drills
  expect(await outcome(scene)).toBe('open')
  expect(decryptsOf(scene, own)).toBe(before)
})

test('the report is signed, kept until the next drill, and shown to the operator', async () => {
  const { tenant } = await tenantUnder(await server.createCustomerKey())
  const { adminToken: token, tenantId } = tenant
  const none = await server.request('GET', path, { token })
  expect([none.status, errorCode(none.body)]).toEqual([404, 'ERR_DRILL_NOT_FOUND'])
  await drill(tenant)
  const last = await drill(tenant, { region: 'us-east-1' })
  expect(last.report).toMatchObject({ lostRegion: 'us-east-1', passed: true, keys: [] })
  expect((await server.request('GET', path, { token })).body).toEqual(last)

  const { body: keys } = await server.request('GET', '/api/v1/encryption/signing-keys', { token })
  const [header = '', payload = '', signature = ''] = last.jws.split('.')
  const key = createPublicKey({ key: at(keys, 'keys', 0) as { kty: string }, format: 'jwk' })
  const signed = Buffer.from(`${header}.${payload}`)
  expect(verify(null, signed, key, Buffer.from(signature, 'base64url'))).toBe(true)

  const ofOperator = await server.request('GET', `/api/v1/tenants/${tenantId}/dr-drill`, {
    token: server.operatorToken,
  })
  expect(ofOperator.body).toEqual(last)
  const operators = await server.request('POST', `/api/v1/tenants/${tenantId}/dr-drill/actions/run`, {
    token: server.operatorToken,
    body: { region: own },
  })
  expect(at(operators.body, 'report')).toMatchObject({ tenantId, lostRegion: own, passed: true })
})

test('a tenant under the internal KMS has no region to lose', async () => {
  const tenant = await server.createTenant()
  expect((await drill(tenant)).report).toMatchObject({ passed: true, drCompliant: true, keys: [] })
  const unknown = await server.request('POST', '/api/v1/tenants/nobody/dr-drill/actions/run', {
    token: server.operatorToken,
    body: {},
  })
  expect([unknown.status, errorCode(unknown.body)]).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
})
