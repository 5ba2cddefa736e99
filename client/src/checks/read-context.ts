// Checks an encryption context by the server's rule, and copies it: the value is bound to the pairs that were checked.
import { contextProblem } from '@keyhold/core/context-problem'
import type { Context } from '../value-cipher.ts'
import { plainEntries } from './plain-entries.ts'
import { wrongMember } from './wrong-member.ts'

const code = 'ERR_CLIENT_CONTEXT_INVALID'

/** @throws KeyholdClientError `ERR_CLIENT_CONTEXT_INVALID`, which names the rule, never the content */
export function readContext(value: unknown, member: string): Context {
  const pairs = plainEntries(value, code, member)
  const problem = contextProblem(pairs)
  if (problem !== undefined) throw wrongMember(code, member, `an encryption context without ${problem}`)
  return Object.fromEntries(pairs) as Context
}
