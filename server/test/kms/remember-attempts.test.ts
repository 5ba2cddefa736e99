// A call that was throttled and then ran out of time was throttled; one that was never answered was not. Both were paid
// for as often as they were sent.
import { DescribeKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, expect, test } from 'vitest'
import { createAwsCall } from '../../src/kms/aws-call.ts'
import { createExplainAwsError } from '../../src/kms/errors/explain-denial.ts'
import { createOwnCredentials } from '../../src/kms/credentials/own-credentials.ts'
import type { KmsCall } from '../../src/kms/kms-call.ts'
import { keyholdAccount } from '../../../testkit/src/server/start-test-server.ts'
import { region, startAws } from './aws-under-test.ts'

const { local, createKey } = await startAws()
const keyArn = await createKey()
const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
const roleArn = `arn:aws:iam::${keyholdAccount}:role/keyhold`
const session = { ...credentials, sessionToken: '', expiration: new Date(Date.now() + 3_600_000) }
const roles = {
  assume: () => Promise.resolve(session),
  forget: () => undefined,
  explain: createExplainAwsError(() => Promise.resolve(undefined)),
}
const ended: KmsCall[] = []
const { call, close } = createAwsCall(
  { endpoint: local.url, onCall: (each) => ended.push(each) },
  { own: createOwnCredentials({ fixed: credentials }), roles },
  'traffic',
)
afterAll(close)

// Less than an attempt may take, so that it ends by this alone.
const timeoutMs = 800

const throughRole = { role: { arn: roleArn, externalId: 'external' } }
test.each([
  ['by Keyhold itself', {}],
  ['through a role', throughRole],
])('a throttled call that runs out of time is told as throttled: %s', async (_, how) => {
  const describeKey = () =>
    call(
      { action: 'DescribeKey', region, keyArn, tenantId: 'tenant' },
      (client, options) => client.send(new DescribeKeyCommand({ KeyId: keyArn }), options),
      { timeoutMs, ...how },
    )
  const hanging = { kind: 'hang', match: { region } } as const
  const endFirst = local.faults.add(hanging)
  await expect(describeKey()).rejects.toMatchObject({ code: 'ERR_KMS_TIMEOUT' })
  expect(ended.at(-1)?.requests).toBe(1)
  endFirst()
  // The first attempt is throttled, and its repetition hangs, if its turn comes in time.
  local.resetCallCounts()
  local.faults.add({ kind: 'throttle', match: { region }, count: 1 })
  const endSecond = local.faults.add(hanging)
  await expect(describeKey()).rejects.toMatchObject({ code: 'ERR_KMS_THROTTLED' })
  endSecond()
  expect(ended.at(-1)?.requests).toBe(local.countCalls())
  await expect(describeKey()).resolves.toMatchObject({ KeyMetadata: { Arn: keyArn } })
})
