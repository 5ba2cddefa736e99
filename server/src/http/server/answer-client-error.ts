// Answers what Node's HTTP parser refuses before there is a request: broken or too large headers, or a client that is
// too slow. The error itself is not logged, because it holds the raw packet with the access token.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { errorReply } from './error-reply.ts'
import { newTraceId } from './new-trace-id.ts'

/** The facts of a refusal for the log. */
export interface ClientErrorRefusal {
  traceId: string
  status: number
  code: ErrorCode
}

const codeByParserCode: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'ERR_HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'ERR_PAYLOAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'ERR_REQUEST_TIMEOUT',
}

/** Answers in the envelope if the client still listens, and ends the connection. */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
): ClientErrorRefusal | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const code = codeByParserCode[error.code ?? ''] ?? 'ERR_INVALID_REQUEST'
  const traceId = newTraceId()
  const { status, body } = errorReply(new KeyholdError(code), traceId, undefined)
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    `x-b3-traceid: ${traceId}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy())
  return { traceId, status, code }
}
