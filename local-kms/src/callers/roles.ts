// Roles, which callers assume through AssumeRole. They live in memory; those of the principals file come back with each
// start.
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'

/** As in `arn:aws:iam::111122223333:role/path/name`. */
const roleArnPattern = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:[\w+=,.@-]+\/)*([\w+=,.@-]{1,64})$/

export interface NewRole {
  arn: string
  /** A policy with principals and without resources, as an object: it says who may assume the role. */
  trust: unknown
  /**
   * An identity policy, as an object: it says what the role may do in its account. Absent: the role may do only what
   * key policies allow.
   */
  policy?: unknown
}

export interface Role {
  arn: string
  account: string
  /** Without its path, as in the ARN of a session. */
  name: string
  trust: Policy
  policy: Policy | undefined
}

export interface Roles {
  /**
   * Makes the role or replaces it. Its sessions go on, with the new `policy`.
   *
   * @throws KmsError when a policy is malformed; TypeError when the ARN is not one of a role
   */
  put(role: NewRole): void
  /** Ends the role's sessions too. Answers whether there was such a role. */
  delete(arn: string): boolean
  find(arn: string): Role | undefined
  /** By its name without its path, which is unique in an account. */
  findNamed(account: string, name: string): Role | undefined
}

export function createRoles(): Roles {
  const roles = new Map<string, Role>()
  return {
    put(role) {
      roles.set(role.arn, parseRole(role))
    },
    delete: (arn) => roles.delete(arn),
    find: (arn) => roles.get(arn),
    findNamed: (account, name) =>
      [...roles.values()].find((role) => role.account === account && role.name === name),
  }
}

function parseRole({ arn, trust, policy }: NewRole): Role {
  const [, account, name] = roleArnPattern.exec(arn) ?? []
  if (account === undefined || name === undefined) {
    throw new TypeError('"arn" expected arn:aws:iam::<account>:role/<name>')
  }
  return {
    arn,
    account,
    name,
    trust: parsePolicy(JSON.stringify(trust), 'trust'),
    policy: policy === undefined ? undefined : parsePolicy(JSON.stringify(policy), 'identity'),
  }
}
