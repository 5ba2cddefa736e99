// A look at a customer's key finds out how it is in its own region and in the others.
import {
  CreateAliasCommand,
  DisableKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import { customerKeyPolicy } from '../../../testkit/src/server/start-test-server.ts'
import { otherRegion, policyWith, ref, region, startAws } from './aws-under-test.ts'

const { local, aws, customer, createKey, replicate } = await startAws()
const inspect = (arn: string) => aws.inspectKey(arn, ref.tenantId)
const compliant = { code: '', region: '', message: '' }

test('a multi-region key with a usable replica is compliant', async () => {
  const keyArn = await createKey({ MultiRegion: true })
  const replica = await replicate(keyArn)
  expect(await inspect(keyArn)).toEqual({
    keyArn,
    multiRegion: true,
    replicaKeys: [{ keyArn: replica, region: otherRegion }],
    drCompliant: true,
    complianceError: compliant,
  })
})

test('seen from a replica, the primary is the key in another region', async () => {
  const keyArn = await createKey({ MultiRegion: true })
  const replica = await replicate(keyArn)
  expect(await inspect(replica)).toEqual({
    keyArn: replica,
    multiRegion: true,
    replicaKeys: [{ keyArn, region }],
    drCompliant: true,
    complianceError: compliant,
  })
})

test('a single-region key, and a multi-region key without replica are not compliant, and say why', async () => {
  for (const [input, multiRegion, message] of [
    [{}, false, /single-region key/],
    [{ MultiRegion: true }, true, /no replica/],
  ] as const) {
    const keyArn = await createKey(input)
    const inspection = await inspect(keyArn)
    expect(inspection).toMatchObject({
      keyArn,
      multiRegion,
      replicaKeys: [],
      drCompliant: false,
      complianceError: { code: 'ERR_KEY_SINGLE_REGION', region },
    })
    expect(inspection.complianceError.message).toMatch(message)
  }
})

test.each([
  ['disabled', 'ERR_KMS_KEY_DISABLED'],
  ['going to be deleted', 'ERR_KMS_KEY_PENDING_DELETION'],
])('a replica that is %s is named as that', async (state, code) => {
  const keyArn = await createKey({ MultiRegion: true })
  const replica = await replicate(keyArn)
  const there = customer(otherRegion)
  if (state === 'disabled') await there.send(new DisableKeyCommand({ KeyId: replica }))
  else await there.send(new ScheduleKeyDeletionCommand({ KeyId: replica }))
  expect(await inspect(keyArn)).toMatchObject({
    replicaKeys: [{ keyArn: replica, region: otherRegion }],
    drCompliant: false,
    complianceError: { code, region: otherRegion },
  })
})

const actions = ['DescribeKey', 'GenerateDataKey', 'Decrypt']

test.each(actions)(
  'a replica whose policy lacks %s is not compliant, and the action is named',
  async (missing) => {
    const keyArn = await createKey({ MultiRegion: true })
    await replicate(keyArn, policyWith(actions.filter((action) => action !== missing)))
    expect(await inspect(keyArn)).toMatchObject({
      drCompliant: false,
      complianceError: {
        code: 'Encryption-88',
        region: otherRegion,
        message: `The policy of the provided key does not allow the required action [${otherRegion}] [${missing}].`,
      },
    })
  },
)

test.each(actions)('a key whose own policy lacks %s is refused, and the action is named', async (missing) => {
  const keyArn = await createKey({ Policy: policyWith(actions.filter((action) => action !== missing)) })
  await expect(inspect(keyArn)).rejects.toMatchObject({
    code: 'Encryption-88',
    message: `The policy of the provided key does not allow the required action [${region}] [${missing}].`,
  })
})

test('a policy for other tenants alone is refused', async () => {
  const keyArn = await createKey({ Policy: customerKeyPolicy(['tenant-2']) })
  await expect(inspect(keyArn)).rejects.toMatchObject({
    code: 'Encryption-88',
    details: { action: 'GenerateDataKey' },
  })
  await expect(aws.inspectKey(keyArn, 'tenant-2')).resolves.toMatchObject({ keyArn })
})

test('a disabled key and one that is going to be deleted are refused', async () => {
  const disabled = await createKey()
  await customer().send(new DisableKeyCommand({ KeyId: disabled }))
  await expect(inspect(disabled)).rejects.toMatchObject({ code: 'ERR_KMS_KEY_DISABLED' })
  const leaving = await createKey()
  await customer().send(new ScheduleKeyDeletionCommand({ KeyId: leaving }))
  await expect(inspect(leaving)).rejects.toMatchObject({ code: 'ERR_KMS_KEY_PENDING_DELETION' })
})

test('keys that are not for symmetric encryption are refused', async () => {
  for (const input of [
    { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
  ] as const) {
    await expect(inspect(await createKey(input))).rejects.toMatchObject({ code: 'ERR_KMS_KEY_WRONG_USAGE' })
  }
})

test('an alias leads to the key that it names at this moment, and the key is answered, not the alias', async () => {
  const first = await createKey()
  const second = await createKey()
  const alias = first.replace(/key\/.*/, 'alias/payroll')
  await customer().send(new CreateAliasCommand({ AliasName: 'alias/payroll', TargetKeyId: first }))
  expect(await inspect(alias)).toMatchObject({ keyArn: first })
  await customer().send(new UpdateAliasCommand({ AliasName: 'alias/payroll', TargetKeyId: second }))
  expect(await inspect(alias)).toMatchObject({ keyArn: second })
})

test('a region that is silent makes the key not compliant, in time; a silent home region is an error', async () => {
  const keyArn = await createKey({ MultiRegion: true })
  await replicate(keyArn)
  const remove = local.faults.add({ kind: 'hang', match: { region: otherRegion } })
  const startMs = performance.now()
  expect(await inspect(keyArn)).toMatchObject({
    drCompliant: false,
    complianceError: { code: 'ERR_KMS_TIMEOUT', region: otherRegion },
  })
  expect(performance.now() - startMs).toBeLessThan(6_000)
  remove()
  local.faults.add({ kind: 'error500', match: { region } })
  await expect(inspect(keyArn)).rejects.toMatchObject({ code: 'ERR_KMS_FAILED' })
  local.faults.clear()
})
