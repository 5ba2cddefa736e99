// The names that a principal answers to, wherever a grant or a test names one.
import type { Principal } from './principal.ts'

/** A session answers to its own ARN and to that of its role. */
export function isNamed(caller: Principal, arn: string): boolean {
  return caller.arn === arn || caller.roleArn === arn
}
