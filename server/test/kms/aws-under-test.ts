// The AWS adapter against an AWS KMS on loopback, with a customer who owns the keys and Keyhold who may use them.
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  KMSClient,
  ReplicateKeyCommand,
  type CreateKeyCommandInput,
} from '@aws-sdk/client-kms'
import { parseKeyArn } from '@keyhold/core'
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import { afterAll, expect } from 'vitest'
import { createAwsKms, type AwsKms } from '../../src/kms/aws-kms.ts'
import {
  customerAccount,
  customerKeyPolicy,
  keyholdAccount,
} from '../../../testkit/src/server/start-test-server.ts'

export const region = 'eu-west-1'
export const otherRegion = 'eu-west-3'
export const ref = { tenantId: 'tenant-1', id: '0c7f2c17-4f8a-7597-9bd4-15415466a3dc', version: 1 }

export interface AwsUnderTest {
  local: LocalKms
  aws: AwsKms
  /** A client of the customer. */
  customer: (inRegion?: string) => KMSClient
  /** An adapter with other settings, closed at the end. */
  adapter: (options: Parameters<typeof createAwsKms>[0]) => AwsKms
  /** A key of the customer's that Keyhold may use, as the input says otherwise; answers its ARN. */
  createKey: (input?: CreateKeyCommandInput) => Promise<string>
  /** Makes a replica that is ready; answers its ARN. */
  replicate: (keyArn: string, policy?: string) => Promise<string>
}

export function arnIn(keyArn: string, inRegion: string): string {
  return keyArn.replace(parseKeyArn(keyArn).region, inRegion)
}

/** The customer's policy with only some actions for Keyhold. */
export function policyWith(actions: string[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${customerAccount}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${keyholdAccount}:root` },
        Action: actions.map((action) => `kms:${action}`),
        Resource: '*',
      },
    ],
  })
}

export async function startAws(): Promise<AwsUnderTest> {
  const local = await startLocalKms()
  const toClose: { close(): void }[] = []
  const clients: KMSClient[] = []
  afterAll(async () => {
    for (const each of toClose) each.close()
    for (const client of clients) client.destroy()
    await local.close()
  })

  function adapter(options: Parameters<typeof createAwsKms>[0]): AwsKms {
    const aws = createAwsKms(options)
    toClose.push(aws)
    return aws
  }

  function customer(inRegion = region): KMSClient {
    const client = new KMSClient({
      region: inRegion,
      endpoint: local.url,
      credentials: { accessKeyId: customerAccount, secretAccessKey: 'test' },
    })
    clients.push(client)
    return client
  }

  return {
    local,
    adapter,
    customer,
    aws: adapter({
      endpoint: local.url,
      credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' },
    }),
    async createKey(input = {}) {
      const command = new CreateKeyCommand({ Policy: customerKeyPolicy(), ...input })
      const { KeyMetadata: metadata } = await customer().send(command)
      return metadata?.Arn ?? ''
    },
    async replicate(keyArn, policy = customerKeyPolicy()) {
      const command = new ReplicateKeyCommand({ KeyId: keyArn, ReplicaRegion: otherRegion, Policy: policy })
      await customer().send(command)
      const replica = arnIn(keyArn, otherRegion)
      const there = customer(otherRegion)
      await expect
        .poll(
          async () => (await there.send(new DescribeKeyCommand({ KeyId: replica }))).KeyMetadata?.KeyState,
        )
        .toBe('Enabled')
      return replica
    },
  }
}
