// A customer's key in the local KMS, with the policy that lets Keyhold use it.
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'

/** The account of Keyhold itself, and that of its customers. */
export const keyholdAccount = '111111111111'
const customerAccount = '222222222222'

const statement = (account: string, actions: string) => ({
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${account}:root` },
  Action: actions,
  Resource: '*',
})

export const customerCredentials = { accessKeyId: customerAccount, secretAccessKey: 'test' }

/** Makes the key and answers its ARN. */
export async function createCustomerKey(kmsUrl: string): Promise<string> {
  const client = new KMSClient({ region: 'eu-west-1', endpoint: kmsUrl, credentials: customerCredentials })
  try {
    const statements = [statement(customerAccount, 'kms:*'), statement(keyholdAccount, 'kms:*')]
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements })
    const { KeyMetadata: metadata } = await client.send(
      new CreateKeyCommand({ MultiRegion: true, Policy: policy }),
    )
    if (metadata?.Arn === undefined) throw new Error('the KMS answered no ARN')
    return metadata.Arn
  } finally {
    client.destroy()
  }
}
