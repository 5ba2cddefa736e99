// The options of a client. They are read once, so the caller may change the object afterwards.
import { readAccessToken } from './access-token/access-token.ts'
import { functionReader, readFlag, readMilliseconds, wholeNumberReader } from './checks/option-readers.ts'
import { plainEntries } from './checks/plain-entries.ts'
import { optional, type MembersRead } from './checks/read-members.ts'
import { readTenantId } from './checks/read-name.ts'
import { wrongMember } from './checks/wrong-member.ts'

const code = 'ERR_CLIENT_OPTION_INVALID'

export const readRetries = wholeNumberReader(0)

export const clientOptionReaders = {
  url: readUrl,
  token: readAccessToken,
  tenantId: optional(readTenantId),
  timeoutMs: optional(readMilliseconds),
  maxRetries: optional(readRetries),
  insecure: optional(readFlag),
  headers: optional(readHeaders),
  fetch: optional(functionReader<typeof fetch>()),
} as const

export type CheckedClientOptions = MembersRead<typeof clientOptionReaders>

function readUrl(value: unknown, member: string): string {
  if (typeof value === 'string') return value
  throw wrongMember('ERR_CLIENT_URL_INVALID', member, 'a string')
}

function readHeaders(value: unknown, member: string): Headers {
  const headers = new Headers()
  for (const [name, text] of plainEntries(value, code, member)) {
    try {
      if (typeof text === 'string') headers.append(name, text)
    } catch {
      // Without the cause: its message quotes the value, which may be a secret.
      throw wrongMember(code, member, 'names and values that HTTP can carry')
    }
    if (typeof text !== 'string') throw wrongMember(code, member, 'strings')
  }
  return headers
}
