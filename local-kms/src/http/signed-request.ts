// A request as its sender signed it.
import type { IncomingMessage } from 'node:http'
import { KmsError } from '../kms-error.ts'

// The largest valid request is a policy of 131,072 characters, each of which JSON may write in six bytes.
const maxBodyBytes = 1024 * 1024

export interface SignedRequest {
  method: string
  /** The request target as received: path and query. */
  target: string
  /** Lower-case names; each value as received, in order. */
  headers: Readonly<Record<string, readonly string[] | undefined>>
  body: Buffer
  /** The address of the sender. */
  sourceIp: string
}

/** @throws KmsError RequestEntityTooLargeException */
export async function readSignedRequest(request: IncomingMessage): Promise<SignedRequest> {
  return {
    method: request.method ?? '',
    target: request.url ?? '/',
    headers: request.headersDistinct,
    body: await readBody(request),
    sourceIp: request.socket.remoteAddress ?? '',
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    // A body that is too large is read to its end: a client that is still sending would see a reset, not the answer.
    if (bytes <= maxBodyBytes) chunks.push(chunk)
  }
  if (bytes > maxBodyBytes) throw new KmsError('RequestEntityTooLargeException', undefined, 413)
  return Buffer.concat(chunks)
}
