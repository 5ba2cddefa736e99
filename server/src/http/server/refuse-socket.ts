// Answers on a connection that has no request, or none that could be read: in the envelope, like every refusal.
import type { KeyholdError } from '@keyhold/core'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { errorReply } from './error-reply.ts'
import { newTraceId } from './new-trace-id.ts'
import { onEveryReply } from './reply-headers.ts'

/** The facts of a refusal for the log. */
export interface SocketRefusal {
  traceId: string
  status: number
  code: KeyholdError['code']
}

/** Writes the answer and ends the server's side of the connection; `onSent` follows. */
export function refuseSocket(socket: Socket, error: KeyholdError, onSent?: () => void): SocketRefusal {
  const traceId = newTraceId()
  const { status, headers, body } = errorReply(error, traceId, undefined)
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    `x-b3-traceid: ${traceId}`,
    ...Object.entries({ ...headers, ...onEveryReply }).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, onSent)
  return { traceId, status, code: error.code }
}
