// Roles: what a caller may become through AssumeRole, and what it may do then. They live in memory; those of the
// principals file come back with each start.
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'

/** As in `arn:aws:iam::111122223333:role/path/name`. */
const ROLE_ARN = /^arn:aws:iam::(\d{12}):role\/(?:[\w+=,.@-]+\/)*([\w+=,.@-]{1,64})$/

export interface NewRole {
  readonly arn: string
  /** Who may assume it: a policy with principals and without resources, as an object. */
  readonly trust: unknown
  /** What it may do in its account, an identity policy as an object; absent: nothing but what key policies give it. */
  readonly policy?: unknown
}

export interface Role {
  readonly arn: string
  readonly account: string
  /** Without its path, as in the ARN of a session. */
  readonly name: string
  readonly trust: Policy
  readonly policy: Policy | undefined
}

export class Roles {
  readonly #roles = new Map<string, Role>()

  /**
   * Makes the role or replaces it; sessions of it go on, with the new `policy`.
   *
   * @throws KmsError when a policy is malformed; TypeError when the ARN is no role's.
   */
  put({ arn, trust, policy }: NewRole): void {
    const [, account, name] = ROLE_ARN.exec(arn) ?? []
    if (account === undefined || name === undefined) {
      throw new TypeError('"arn" expected arn:aws:iam::<account>:role/<name>')
    }
    this.#roles.set(arn, {
      arn,
      account,
      name,
      trust: parsePolicy(JSON.stringify(trust), 'trust'),
      policy: policy === undefined ? undefined : parsePolicy(JSON.stringify(policy), 'identity'),
    })
  }

  /** Ends its sessions too. Answers whether there was one. */
  delete(arn: string): boolean {
    return this.#roles.delete(arn)
  }

  find(arn: string): Role | undefined {
    return this.#roles.get(arn)
  }
}
