// Keys of the kinds that some causes need: with imported material, in an external key store, behind a role of the customer's.
import { CreateKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { at } from '../../http/read-body.ts'
import { setPolicy } from '../../http/scene.ts'
import { createExternalKey } from '../../../../testkit/src/customer/external-key.ts'
import { deleteMaterial, importMaterial, newMaterial } from '../../../../testkit/src/customer/imported-key.ts'
import { customerAccount, customerKeyPolicy } from '../../../../testkit/src/server/start-test-server.ts'
import { other, own, replicate, type MakeKey } from './cause-scene.ts'

/** With imported material, in both regions. */
export const imported: MakeKey = async ({ server }) => {
  const [here, there] = [server.customerKms(own), server.customerKms(other)]
  const Policy = customerKeyPolicy()
  const command = new CreateKeyCommand({ Origin: 'EXTERNAL', MultiRegion: true, Policy })
  const { KeyMetadata: metadata } = await here.send(command)
  const arn = metadata?.Arn ?? ''
  const material = newMaterial()
  const lose = async (client: KMSClient, keyArn: string) => {
    await deleteMaterial(client, keyArn)
    return () => importMaterial(client, keyArn, material)
  }
  await importMaterial(here, arn, material)
  await replicate(here, metadata?.KeyId, Policy)
  const replicaArn = arn.replace(own, other)
  await importMaterial(there, replicaArn, material)
  return {
    arn,
    loseMaterial: () => lose(here, arn),
    loseMaterialOfReplica: () => lose(there, replicaArn),
  }
}

/** In an external key store of its own. It cannot have replicas. */
export const external: MakeKey = async ({ server }) => {
  const store = await createExternalKey(server.kms, server.customerKms(own), customerKeyPolicy())
  return { arn: store.keyArn, store }
}

let roles = 0

/** The customer's, in both regions, which Keyhold reaches through a role in the customer's account. */
export const behindRole: MakeKey = async ({ server }, tenant) => {
  roles += 1
  const roleArn = `arn:aws:iam::${customerAccount}:role/for-keyhold-${roles}`
  const client = server.customerKms(own)
  const command = new CreateKeyCommand({ MultiRegion: true, Policy: customerKeyPolicy() })
  const { KeyMetadata: metadata } = await client.send(command)
  const arn = metadata?.Arn ?? ''
  const { body: printed } = await server.request(
    'GET',
    `/api/v1/encryption/policy?arn=${arn}&roleArn=${roleArn}`,
    { token: tenant.adminToken },
  )
  const policy = JSON.stringify(at(printed, 'regions', 0, 'policy'))
  await setPolicy(client, arn, policy)
  await replicate(client, metadata?.KeyId, policy)
  server.kms.roles.put({ arn: roleArn, trust: at(printed, 'trustPolicy') })
  return { arn, roleArn }
}
