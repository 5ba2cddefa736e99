import { wrongMember } from './wrong-member.ts'

/** Any string: whether it is a token is told where it is decrypted. @throws KeyholdClientError */
export function readToken(value: unknown, member: string): string {
  if (typeof value === 'string') return value
  throw wrongMember('ERR_CLIENT_TOKEN_INVALID', member, 'a string')
}
