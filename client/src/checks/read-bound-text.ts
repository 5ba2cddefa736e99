// Checks a text that becomes part of an encryption context: the name of a table or a column, or a record's id.
import { contextProblem } from '@keyhold/core/context-problem'
import type { MemberErrorCode } from '../keyhold-client-error.ts'
import { wrongMember } from './wrong-member.ts'

/** @throws KeyholdClientError with `code` for an empty text, and for a text that no context may hold */
export function readBoundText(value: unknown, member: string, code: MemberErrorCode): string {
  if (typeof value !== 'string' || value === '') throw wrongMember(code, member, 'a string that is not empty')
  const problem = contextProblem([['text', value]])
  if (problem !== undefined) throw wrongMember(code, member, `a text without ${problem}`)
  return value
}
