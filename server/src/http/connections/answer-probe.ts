// Answers a probe on a connection that is one more than clients may have, so that a flood of connections does not make a
// replica look dead. It reads the request line alone, and serves nothing else.
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { newTraceId } from '../server/new-trace-id.ts'

export type ProbePath = '/livez' | '/readyz'

export interface ProbeAnswer {
  status: number
  /** With those of each replica by its number, where it speaks for several. */
  body: { status: string; replicas?: Readonly<Record<string, string>> }
}

const requestLine = /^GET (\/livez|\/readyz)(?:\?[^\s]*)? HTTP\/1\.[01]\r?\n/

/** The path, if these are the first bytes of a probe. */
export function probePathOf(firstBytes: Buffer): ProbePath | undefined {
  return requestLine.exec(firstBytes.toString('latin1', 0, 256))?.[1] as ProbePath | undefined
}

/** Writes the answer and ends the server's side of the connection. */
export function answerProbe(socket: Socket, { status, body }: ProbeAnswer): void {
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    `x-b3-traceid: ${newTraceId()}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`)
}
