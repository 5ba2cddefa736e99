// Keys in other partitions of AWS than the first: the policies, the registration, the use, a region that fails.
import { CreateKeyCommand, ReplicateKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  customerAccount,
  keyholdAccount,
  startTestServer,
  type TestServer,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, textAt } from '../read-body.ts'
import { migrateTo, providers, setPolicy } from '../scene.ts'
import { doseOf } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_DR_REGIONS: 'cn-north-1:cn-northwest-1,us-gov-west-1:us-gov-east-1',
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
  })
})
afterAll(() => server.stop())

describe.each(
  doseOf(
    [
      ['aws-cn', 'cn-north-1', 'cn-northwest-1'],
      ['aws-us-gov', 'us-gov-west-1', 'us-gov-east-1'],
      ['aws-eusc', 'eusc-de-east-1', 'eusc-de-west-1'],
      ['aws', 'qq-northwest-7', 'eu-north-1'],
    ],
    2,
  ),
)('in the partition %s, a key in %s', (partition, region, replicaRegion) => {
  async function newKey(): Promise<string> {
    const client = server.customerKms(region)
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }))
    const arn = KeyMetadata?.Arn ?? ''
    await client.send(new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: replicaRegion }))
    await new Promise((resolve) => setTimeout(resolve, 250))
    return arn
  }

  it('is registered with the policy that Keyhold prints, used, and used in its replica', async () => {
    const tenant = await server.createTenant()
    const { adminToken: token, serviceToken } = tenant
    const arn = await newKey()
    const query = new URLSearchParams({ arn, regions: replicaRegion })
    const answer = await server.request('GET', `/api/v1/encryption/policy?${query.toString()}`, { token })
    expect(at(answer.body, 'regions', 1, 'arn')).toBe(arn.replace(region, replicaRegion))
    expect(at(answer.body, 'principals')).toEqual([`arn:${partition}:iam::${keyholdAccount}:root`])
    expect(at(answer.body, 'regions', 0, 'policy', 'Statement', 0, 'Principal')).toEqual({
      AWS: `arn:${partition}:iam::${customerAccount}:root`,
    })
    for (const each of [region, replicaRegion]) {
      const policy = JSON.stringify(at(answer.body, 'regions', 0, 'policy'))
      await setPolicy(server.customerKms(each), arn.replace(region, each), policy)
    }
    const registered = await server.request('POST', providers, { token, body: { name: partition, arn } })
    expect(registered.status).toBe(201)
    expect(registered.body).toMatchObject({
      arn,
      drCompliant: true,
      replicaKeys: [{ arn: arn.replace(region, replicaRegion), region: replicaRegion }],
    })
    await migrateTo(server, tenant, textAt(registered.body, 'arnFingerPrint'))
    const encrypt = () =>
      server.request('POST', '/api/v1/encryption/encrypt', {
        token: serviceToken,
        body: { items: [{ plaintext: 'eA==' }] },
      })
    expect((await encrypt()).status).toBe(200)
    server.kms.regions.takeDown(region, 'refused')
    expect((await encrypt()).status).toBe(200)
    server.kms.regions.bringBack(region)
  })

  it('is used through a role of its partition, and not through one of another', async () => {
    const { adminToken: token } = await server.createTenant()
    const arn = await newKey()
    const roleArn = `arn:${partition}:iam::${customerAccount}:role/${partition}`
    const query = new URLSearchParams({ arn, roleArn })
    const { body } = await server.request('GET', `/api/v1/encryption/policy?${query.toString()}`, { token })
    server.kms.roles.put({ arn: roleArn, trust: at(body, 'trustPolicy') })
    const policy = JSON.stringify(at(body, 'regions', 0, 'policy'))
    await setPolicy(server.customerKms(region), arn, policy)
    const register = (role: string) =>
      server.request('POST', providers, { token, body: { name: 'role', arn, roleArn: role } })
    const other = partition === 'aws' ? 'aws-cn' : 'aws'
    const refused = await register(roleArn.replace(`arn:${partition}:`, `arn:${other}:`))
    expect([refused.status, errorCode(refused.body)]).toEqual([417, 'ERR_ROLE_ARN_INVALID'])
    expect((await register(roleArn)).status).toBe(201)
  })
})
