// The users, roles and roots that ask for permission.
import type { Guardrails, PolicyArns } from './guardrail-types.ts'
import type { Policy } from './parse-policy.ts'

/** A user, a role or the root of an account, or a session of a role. */
export interface Principal {
  account: string
  arn: string
  /** Of a session: the role whose session it is. */
  roleArn?: string
  /** The policy by which the principal's own account allows it anything. Absent: nothing is allowed. */
  identityPolicy?: Policy | undefined
  /** The policies that limit the principal besides. Absent: none. */
  guardrails?: Guardrails | undefined
  /** The ARNs that refusals add to the type of a policy that denies. */
  policyArns?: PolicyArns | undefined
  /** Values of condition keys, by their names in lower case, that replace those of its requests. */
  facts?: Readonly<Record<string, readonly string[]>> | undefined
}

/** The root's ARN. In a policy it stands for the whole account. */
export function rootArn(account: string, partition: string): string {
  return `arn:${partition}:iam::${account}:root`
}

/** The facts of every request, by condition keys in lower case. */
export function principalFacts(principal: Principal): Record<string, readonly string[]> {
  const { account, arn, roleArn, facts } = principal
  const name = arn.split(':').slice(5).join(':').replace(/^.*\//, '')
  const type = typeOf(principal)
  return {
    'aws:principalaccount': [account],
    'aws:principalarn': [roleArn ?? arn],
    'aws:principaltype': [type],
    'aws:username': type === 'User' ? [name] : [],
    // The real one begins with an id that is made with the principal.
    'aws:userid': type === 'Account' ? [account] : [name],
    'aws:principalisawsservice': ['false'],
    'aws:viaawsservice': ['false'],
    // The endpoint stands in for one that is reached over TLS only.
    'aws:securetransport': ['true'],
    ...facts,
  }
}

function typeOf({ arn, roleArn }: Principal): 'Account' | 'User' | 'AssumedRole' {
  if (arn.endsWith(':root')) return 'Account'
  return roleArn === undefined && arn.includes(':user/') ? 'User' : 'AssumedRole'
}
