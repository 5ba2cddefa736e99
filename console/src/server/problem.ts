// A failure as a page needs it: a kind that decides what is shown, a sentence, and the trace id for the operator.
import { KeyholdApiError, KeyholdClientError } from '@keyhold/client'

export type ProblemKind =
  | 'signed-out'
  | 'forbidden'
  | 'locked'
  | 'sealed'
  | 'offline'
  | 'busy'
  | 'refused'
  | 'gone'

export interface Problem {
  kind: ProblemKind
  /** Of the server or the client, for a search in the documentation. */
  code: string
  message: string
  traceId: string | undefined
}

const kindOfCode: Readonly<Record<string, ProblemKind>> = {
  ERR_UNAUTHENTICATED: 'signed-out',
  ERR_FORBIDDEN: 'forbidden',
  ERR_SCOPE_MISSING: 'forbidden',
  ERR_TENANT_LOCKED: 'locked',
  ERR_SEALED: 'sealed',
  ERR_QUARANTINED: 'sealed',
  ERR_DATABASE_UNAVAILABLE: 'busy',
  ERR_SERVER_BUSY: 'busy',
  ERR_TENANT_BUSY: 'busy',
  'HTTP-429': 'busy',
  ERR_CLIENT_UNREACHABLE: 'offline',
  ERR_CLIENT_TIMEOUT: 'offline',
}

const notFound = 404

export function problemOf(error: unknown): Problem {
  if (error instanceof KeyholdApiError) {
    const kind = kindOfCode[error.code] ?? (error.status === notFound ? 'gone' : 'refused')
    return { kind, code: error.code, message: error.message, traceId: error.traceId }
  }
  if (error instanceof KeyholdClientError) {
    const kind = kindOfCode[error.code] ?? 'refused'
    return { kind, code: error.code, message: error.message, traceId: undefined }
  }
  return { kind: 'refused', code: 'ERR_CONSOLE', message: String(error), traceId: undefined }
}

/** Whether the same question may find an answer a little later. */
export function mayPass({ kind }: Problem): boolean {
  return kind === 'offline' || kind === 'busy' || kind === 'sealed'
}
