import { wrongMember } from './wrong-member.ts'

/** Accepts any string: decryption tells whether it is a token. @throws KeyholdClientError */
export function readToken(value: unknown, member: string): string {
  if (typeof value === 'string') return value
  throw wrongMember('ERR_CLIENT_TOKEN_INVALID', member, 'a string')
}
