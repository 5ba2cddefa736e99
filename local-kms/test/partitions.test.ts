// Partitions: the ARNs in each, and that nothing reaches from one into another.
import {
  CreateGrantCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
} from '@aws-sdk/client-kms'
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { describe, expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, refusal, startKms, strangerAccount } from './kms-under-test.ts'

const kms = await startKms()

describe.each([
  ['aws-cn', 'cn-north-1', 'cn-northwest-1'],
  ['aws-us-gov', 'us-gov-west-1', 'us-gov-east-1'],
  ['aws-eusc', 'eusc-de-east-1', 'eusc-de-west-1'],
  ['aws-iso', 'us-iso-east-1', 'us-iso-west-1'],
  ['aws-iso-b', 'us-isob-east-1', 'us-isob-west-1'],
  ['aws-iso-e', 'eu-isoe-west-1', 'eu-isoe-west-2'],
  ['aws-iso-f', 'us-isof-south-1', 'us-isof-east-1'],
  ['aws', 'qq-northwest-7', 'eu-west-1'],
])('in the partition %s', (partition, region, otherRegion) => {
  const owner = kms.client({ region })
  const strangerRoot = `arn:${partition}:iam::${strangerAccount}:root`

  test('keys, principals and the default policy have ARNs of it', async () => {
    const { arn } = await createKey(owner)
    expect(arn.startsWith(`arn:${partition}:kms:${region}:${ownerAccount}:key/`)).toBe(true)
    const { Policy } = await owner.send(new GetKeyPolicyCommand({ KeyId: arn }))
    expect(Policy).toContain(`"arn:${partition}:iam::${ownerAccount}:root"`)
    const { Arn } = await kms.stsClient({ region }).send(new GetCallerIdentityCommand({}))
    expect(Arn).toBe(`arn:${partition}:iam::${ownerAccount}:root`)
  })

  test('a role has sessions in it, and replicas and grants work', async () => {
    const role = `arn:${partition}:iam::${strangerAccount}:role/${partition}`
    const trust = {
      Statement: { Effect: 'Allow', Principal: { AWS: strangerRoot }, Action: 'sts:AssumeRole' },
    }
    kms.roles.put({ arn: role, trust })
    const { AssumedRoleUser } = await kms
      .stsClient({ region, accessKeyId: strangerAccount })
      .send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'one' }))
    expect(AssumedRoleUser?.Arn).toBe(
      `arn:${partition}:sts::${strangerAccount}:assumed-role/${partition}/one`,
    )
    const { arn } = await createKey(owner, { MultiRegion: true })
    const { ReplicaKeyMetadata } = await owner.send(
      new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: otherRegion }),
    )
    expect(ReplicaKeyMetadata?.Arn).toBe(arn.replace(region, otherRegion))
    await owner.send(
      new CreateGrantCommand({ KeyId: arn, GranteePrincipal: strangerRoot, Operations: ['Encrypt'] }),
    )
    const stranger = kms.client({ region, accessKeyId: strangerAccount })
    const { KeyId } = await stranger.send(new EncryptCommand({ KeyId: arn, Plaintext: bytes('x') }))
    expect(KeyId).toBe(arn)
  })
})

describe('from one partition into another', () => {
  const inChina = kms.client({ region: 'cn-north-1' })

  test('no ARN is valid that names a Region of another one', async () => {
    const { arn } = await createKey(inChina)
    const wrong = arn.replace('arn:aws-cn:', 'arn:aws:')
    expect(await refusal(inChina.send(new DescribeKeyCommand({ KeyId: wrong })))).toMatchObject({
      name: 'InvalidArnException',
      message: `Invalid arn ${wrong}`,
    })
  })

  test('no policy and no grant names a principal of another one', async () => {
    const { arn } = await createKey(inChina)
    const root = (partition: string, account: string) => ({ AWS: `arn:${partition}:iam::${account}:root` })
    const allow = (principal: object) => ({
      ...{ Effect: 'Allow', Principal: principal, Action: 'kms:*', Resource: '*' },
    })
    const policy = { Statement: [allow(root('aws-cn', ownerAccount)), allow(root('aws', strangerAccount))] }
    const put = new PutKeyPolicyCommand({ KeyId: arn, Policy: JSON.stringify(policy) })
    expect((await refusal(inChina.send(put))).name).toBe('MalformedPolicyDocumentException')
    const grant = new CreateGrantCommand({
      ...{ KeyId: arn, GranteePrincipal: `arn:aws:iam::${strangerAccount}:root`, Operations: ['Encrypt'] },
    })
    expect((await refusal(inChina.send(grant))).name).toBe('InvalidArnException')
  })

  test('no key is replicated', async () => {
    const { arn } = await createKey(inChina, { MultiRegion: true })
    const replicate = new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: 'eu-west-1' })
    expect((await refusal(inChina.send(replicate))).name).toBe('ValidationException')
  })

  test('credentials of a session are unknown', async () => {
    const role = `arn:aws:iam::${ownerAccount}:role/of-aws`
    const principal = { AWS: `arn:aws:iam::${ownerAccount}:root` }
    kms.roles.put({
      arn: role,
      trust: { Statement: { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' } },
    })
    const { Credentials } = await kms
      .stsClient()
      .send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'one' }))
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {}
    const session = kms.client({
      region: 'cn-north-1',
      ...{ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    })
    const describeKey = new DescribeKeyCommand({ KeyId: 'alias/x' })
    expect((await refusal(session.send(describeKey))).name).toBe('UnrecognizedClientException')
  })
})
