// The users, roles and roots that ask for permission.
import type { Policy } from './parse-policy.ts'

/** A user, a role or the root of an account, or a session of a role. */
export interface Principal {
  account: string
  arn: string
  /** Of a session: the role whose session it is. */
  roleArn?: string
  /** The policy by which the principal's own account allows it anything. Absent: nothing is allowed. */
  identityPolicy?: Policy | undefined
}

/** The root's ARN. In a policy it stands for the whole account. */
export function rootArn(account: string): string {
  return `arn:aws:iam::${account}:root`
}

/** The facts of every request, by condition keys in lower case. */
export function principalFacts({ account, arn, roleArn }: Principal): Record<string, readonly string[]> {
  return {
    'aws:principalaccount': [account],
    'aws:principalarn': [roleArn ?? arn],
    // The endpoint stands in for one that is reached over TLS only.
    'aws:securetransport': ['true'],
  }
}
