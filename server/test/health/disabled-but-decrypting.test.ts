// A key that its customer has disabled, while AWS KMS still decrypts under it: an endpoint that lags behind or lies. What
// DescribeKey says of the key's state closes it; a DescribeKey without an answer changes nothing.
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { at, errorCode, textAt } from '../http/read-body.ts'
import {
  createKey,
  encryptText,
  migrateTo,
  policyWithout,
  providers,
  registerKey,
  setPolicy,
} from '../http/scene.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const [own, other] = ['eu-west-1', 'eu-west-3']
const waits = { timeout: 50_000, interval: 100 }

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '1', KEYHOLD_KEY_PROBE_SECONDS: '1' })
})
afterAll(() => server.stop())

interface Key {
  tenant: TestTenant
  arn: string
  fingerprint: string
  text: string
}

async function prepare(keyArn?: string): Promise<Key> {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant, keyArn ?? (await createKey(server)))
  await migrateTo(server, tenant, fingerprint)
  return { tenant, arn, fingerprint, text: await encryptText(server, tenant, 'held') }
}

async function outcome({ tenant: { serviceToken: token }, text }: Key): Promise<string> {
  const body = { items: [{ token: text }] }
  const answer = await server.request('POST', '/api/v1/encryption/decrypt', { token, body })
  return answer.status === 200 ? 'open' : errorCode(answer.body)
}

async function stateOf({ tenant, fingerprint }: Key, region = own): Promise<unknown> {
  const path = `${providers}/${fingerprint}/health`
  const { body } = await server.request('GET', path, { token: tenant.adminToken })
  const regions = at(body, 'regions') as { region: string; state: string }[]
  return regions.find((each) => each.region === region)?.state
}

// How long changes spread is set for the whole KMS, and tests run beside each other: one change at a time.
let lastChange: Promise<unknown> = Promise.resolve()
function change(make: () => Promise<unknown>, delayMs = 0): Promise<unknown> {
  const made = lastChange.then(async () => {
    server.kms.propagation.delayMs = delayMs
    await make()
    server.kms.propagation.delayMs = 0
  })
  lastChange = made.catch(() => undefined)
  return made
}

/** Makes a change of a key that DescribeKey shows at once, and that decisions never follow. */
const withoutEffect = (make: () => Promise<unknown>) => change(make, 3_600_000)

const inEffect = (arn: string) => server.kms.countCalls({ keyId: arn.split('/')[1], operation: 'Decrypt' })
const looks = (arn: string) => server.kms.countCalls({ keyId: arn.split('/')[1], operation: 'DescribeKey' })

test.concurrent.for(
  doseOf(
    [
      {
        state: 'disabled',
        code: 'ERR_KMS_KEY_DISABLED',
        take: (arn: string) => server.customerKms().send(new DisableKeyCommand({ KeyId: arn })),
        giveBack: (arn: string) => server.customerKms().send(new EnableKeyCommand({ KeyId: arn })),
      },
      {
        state: 'pendingDeletion',
        code: 'ERR_KMS_KEY_PENDING_DELETION',
        take: (arn: string) =>
          server.customerKms().send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 })),
        giveBack: async (arn: string) => {
          await server.customerKms().send(new CancelKeyDeletionCommand({ KeyId: arn }))
          await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
        },
      },
    ],
    2,
  ),
)(
  'a key that is $state and decrypts is closed, under traffic too, and opens again',
  async (each, { expect }) => {
    const key = await prepare()
    // A neighbour under the same key, whom nobody asks for anything.
    const quiet = await prepare(key.arn)
    await withoutEffect(() => each.take(key.arn))
    await expect.poll(() => outcome(key), waits).toBe(each.code)
    expect(await stateOf(key)).toBe(each.state)
    await expect.poll(() => stateOf(quiet), waits).toBe(each.state)

    // AWS KMS would decrypt all the time.
    const decrypts = inEffect(key.arn)
    for (let times = 0; times < 10; times++) {
      expect([await outcome(key), await outcome(quiet)]).toEqual([each.code, each.code])
      await setTimeout(100)
    }
    expect(inEffect(key.arn)).toBeGreaterThan(decrypts)
    expect(await stateOf(key)).toBe(each.state)

    await change(() => each.giveBack(key.arn))
    await expect.poll(async () => [await outcome(key), await outcome(quiet)], waits).toEqual(['open', 'open'])
    await expect.poll(() => stateOf(key), waits).toBe('healthy')
  },
)

slowTest.concurrent(
  'a DescribeKey that is denied, throttled, broken or silent changes no state',
  async ({ expect }) => {
    const produce: ((key: Key) => Promise<unknown>)[] = [
      ({ arn }) => change(() => setPolicy(server.customerKms(), arn, policyWithout('DescribeKey'))),
      (key) => fault(key, 'throttle'),
      (key) => fault(key, 'error500'),
      (key) => fault(key, 'hang'),
    ]
    await Promise.all(
      produce.map(async (each) => {
        const key = await prepare()
        await expect.poll(() => stateOf(key), waits).toBe('healthy')
        await each(key)
        const before = looks(key.arn)
        await expect
          .poll(async () => [await outcome(key), await stateOf(key), looks(key.arn) - before > 3], waits)
          .toEqual(['open', 'healthy', true])
      }),
    )
  },
)

test.concurrent('what DescribeKey has closed stays closed while it does not answer, and opens once it may not be asked', async ({
  expect,
}) => {
  const key = await prepare()
  await withoutEffect(() => server.customerKms().send(new DisableKeyCommand({ KeyId: key.arn })))
  await expect.poll(() => outcome(key), waits).toBe('ERR_KMS_KEY_DISABLED')
  const match = { keyId: key.arn.split('/')[1], operation: 'DescribeKey' }
  const remove = server.kms.faults.add({ kind: 'error500', match })
  // Two probes that open it would show it as healthy. A test asks for one at once.
  for (let round = 0; round < 3; round++) {
    const before = inEffect(key.arn)
    await server.request('POST', `${providers}/${key.fingerprint}/actions/test`, {
      token: key.tenant.adminToken,
    })
    await expect.poll(() => inEffect(key.arn), waits).toBeGreaterThan(before)
    await setTimeout(300)
    expect(await outcome(key)).not.toBe('open')
  }
  expect(await stateOf(key)).toBe('disabled')
  remove()

  // The key is given back with a policy that no longer lets Keyhold look at it.
  await change(async () => {
    await server.customerKms().send(new EnableKeyCommand({ KeyId: key.arn }))
    await setPolicy(server.customerKms(), key.arn, policyWithout('DescribeKey'))
  })
  await expect.poll(() => outcome(key), waits).toBe('open')
})

function fault({ arn }: Key, kind: 'throttle' | 'error500' | 'hang'): Promise<void> {
  server.kms.faults.add({ kind, match: { keyId: arn.split('/')[1], operation: 'DescribeKey' } })
  return Promise.resolve()
}

slowTest('a replica that is disabled and decrypts is shown, and does not stand in', async ({ expect }) => {
  const arn = await server.createCustomerKey()
  const replica = arn.replace(own, other)
  const key = await prepare(arn)
  await expect.poll(() => stateOf(key, other), waits).toBe('healthy')
  await withoutEffect(() => server.customerKms(other).send(new DisableKeyCommand({ KeyId: replica })))
  await expect.poll(() => stateOf(key, other), waits).toBe('disabled')
  expect([await outcome(key), await stateOf(key)]).toEqual(['open', 'healthy'])

  const remove = server.kms.faults.add({ kind: 'refuse', match: { region: own, keyId: arn.split('/')[1] } })
  await expect.poll(() => outcome(key), waits).toBe('ERR_KMS_UNREACHABLE')
  await change(() => server.customerKms(other).send(new EnableKeyCommand({ KeyId: replica })))
  await expect.poll(() => outcome(key), waits).toBe('open')
  remove()
})

test('a disabled key whose Decrypt does not answer is disabled, and its replica does not stand in', async ({
  expect,
}) => {
  const arn = await server.createCustomerKey()
  const key = await prepare(arn)
  const match = { region: own, keyId: arn.split('/')[1], operation: 'Decrypt' }
  const remove = server.kms.faults.add({ kind: 'error500', match })
  await expect.poll(() => stateOf(key), waits).toBe('unreachable')
  expect(await outcome(key)).toBe('open')
  await change(() => server.customerKms().send(new DisableKeyCommand({ KeyId: arn })))
  await expect.poll(() => stateOf(key), waits).toBe('disabled')
  expect(await outcome(key)).not.toBe('open')
  remove()
})

test('a test and a registration refuse a key that is disabled and decrypts', async ({ expect }) => {
  const key = await prepare()
  await withoutEffect(() => server.customerKms().send(new DisableKeyCommand({ KeyId: key.arn })))
  const tested = await server.request('POST', `${providers}/${key.fingerprint}/actions/test`, {
    token: key.tenant.adminToken,
  })
  expect(textAt(tested.body, 'errors', 0, 'code')).toBe('ERR_KMS_KEY_DISABLED')
  const tenant = await server.createTenant()
  const body = { name: 'disabled', arn: key.arn }
  const created = await server.request('POST', providers, { token: tenant.adminToken, body })
  expect(textAt(created.body, 'errors', 0, 'code')).toBe('ERR_KMS_KEY_DISABLED')
})
