// Checks names by the server's patterns.
import { keyNamePattern, tenantIdPattern } from '@keyhold/contract'
import type { MemberErrorCode } from '../keyhold-client-error.ts'
import type { Reader } from './read-members.ts'
import { wrongMember } from './wrong-member.ts'

export const readKeyName = nameReader(keyNamePattern, 'ERR_CLIENT_KEY_NAME_INVALID')
export const readTenantId = nameReader(tenantIdPattern, 'ERR_CLIENT_TENANT_ID_INVALID')

function nameReader(pattern: string, code: MemberErrorCode): Reader<string> {
  const form = new RegExp(pattern)
  return (value, member) => {
    if (typeof value === 'string' && form.test(value)) return value
    throw wrongMember(code, member, `a string of the form ${pattern}`)
  }
}
