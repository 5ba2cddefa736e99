// The local KMS as a customer uses it, with credentials of its own account.
import { KMSClient } from '@aws-sdk/client-kms'
import { customerAccount } from './key-policy.ts'

/** The region of customers' keys, and the one that holds their replicas. */
export const ownRegion = 'eu-west-1'
export const replicaRegion = 'eu-west-3'

export const customerCredentials = { accessKeyId: customerAccount, secretAccessKey: 'test' }

/** The caller destroys the client. */
export function openCustomerKms(kmsUrl: string, region = ownRegion): KMSClient {
  return new KMSClient({ region, endpoint: kmsUrl, credentials: customerCredentials })
}
