// Answers what Node's HTTP parser refuses before there is a request: broken or too large headers, or a client that is
// too slow. The error itself is not logged, because it holds the raw packet with the access token.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import type { Socket } from 'node:net'
import { refuseSocket, type SocketRefusal } from './refuse-socket.ts'

const codeByParserCode: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'ERR_HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'ERR_PAYLOAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'ERR_REQUEST_TIMEOUT',
}

/** Answers in the envelope if the client still listens, and ends the connection. */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
): SocketRefusal | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const code = codeByParserCode[error.code ?? ''] ?? 'ERR_INVALID_REQUEST'
  return refuseSocket(socket, new KeyholdError(code), () => socket.destroy())
}
