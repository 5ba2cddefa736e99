// The server's refusals. Tell them apart by `code`, which is the API, or by `status`; titles may be reworded.
import type { ErrorEnvelope } from '@keyhold/contract'
import { wholeNumberReader } from './checks/option-readers.ts'
import { plainEntries } from './checks/plain-entries.ts'
import { optional, readMembers } from './checks/read-members.ts'
import { wrongMember } from './checks/wrong-member.ts'
import { isErrorEnvelope } from './is-error-envelope.ts'

interface Refusal {
  status: number
  envelope: ErrorEnvelope
  retryAfterSeconds: number | undefined
}

const code = 'ERR_CLIENT_OPTION_INVALID'
const readNumber = wholeNumberReader(0)
const refusalReaders = {
  status: readNumber,
  envelope: readEnvelope,
  retryAfterSeconds: optional(readNumber),
} as const

/** A reply with the error envelope: the server understood the request and says why it refuses it. */
export class KeyholdApiError extends Error {
  readonly status: number
  /** A code of Keyhold's error table, such as `ERR_KEY_PROVIDER_NOT_FOUND`. */
  readonly code: string
  /** The meaning of the code. */
  readonly title: string
  /** The particulars of this occasion. */
  readonly detail: string | undefined
  /** The id of the request in the server's logs. */
  readonly traceId: string | undefined
  /** Seconds to wait before the next try, where the server says so. */
  readonly retryAfterSeconds: number | undefined
  /** The whole reply. */
  readonly envelope: ErrorEnvelope

  /** @throws KeyholdClientError for wrong arguments */
  constructor(refusal: Refusal) {
    const { status, envelope, retryAfterSeconds } = readMembers(refusal, 'refusal', refusalReaders)
    const first = envelope.errors[0]
    const title = first?.title ?? 'The server gave no reason.'
    super(first?.detail ?? title)
    this.name = 'KeyholdApiError'
    this.status = status
    this.code = first?.code ?? `HTTP-${status}`
    this.title = title
    this.detail = first?.detail
    this.traceId = envelope.traceId
    this.retryAfterSeconds = retryAfterSeconds
    this.envelope = envelope
  }
}

function readEnvelope(value: unknown, member: string): ErrorEnvelope {
  const isEnvelope = plainEntries(value, code, member).length > 0 && isErrorEnvelope(value)
  if (isEnvelope) return value
  throw wrongMember(code, member, 'an error envelope')
}
