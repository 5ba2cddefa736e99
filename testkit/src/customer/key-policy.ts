// The two accounts in the local KMS, Keyhold's own and that of its customers, and the policy of a customer's key.

export const keyholdAccount = '111111111111'
export const customerAccount = '222222222222'

const use = ['kms:GenerateDataKey', 'kms:Decrypt']

export interface KeyPolicyOptions {
  /** False: Keyhold may look at the key, but not use it. */
  allowsUse?: boolean
}

/** The policy that a customer gives a key for Keyhold, for the named tenants, or for any. */
export function customerKeyPolicy(
  tenantIds?: readonly string[],
  { allowsUse = true }: KeyPolicyOptions = {},
): string {
  const condition = tenantIds && { StringEquals: { 'kms:EncryptionContext:tenantId': tenantIds } }
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      allow(customerAccount, 'kms:*'),
      ...(allowsUse ? [{ ...allow(keyholdAccount, use), ...(condition && { Condition: condition }) }] : []),
      allow(keyholdAccount, 'kms:DescribeKey'),
    ],
  })
}

function allow(account: string, action: string | readonly string[]) {
  return {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: action,
    Resource: '*',
  }
}
