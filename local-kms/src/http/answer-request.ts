// The protocols: awsJson1.1 of KMS over HTTP, and the form of STS on the same port. Reads a request, checks who sent it, lets the faults have it, carries it out
// and answers as AWS does, errors included.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call } from '../operations/call.ts'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Callers } from '../callers/callers.ts'
import { control, CONTROL_PREFIX } from './answer-control.ts'
import type { Faults } from '../traffic/faults.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { internalError, KmsError } from '../kms-error.ts'
import { observeCall, type AnsweredCall } from '../traffic/observed-call.ts'
import { findOperation } from '../operations/find-operation.ts'
import { RequestFields } from '../operations/request-fields.ts'
import type { Regions } from '../traffic/regions.ts'
import { answerSts, FORM_TYPE } from './answer-sts.ts'
import { verifySignature } from './verify-signature.ts'

// The largest valid request is a policy of 131,072 characters, each of which JSON may write in six bytes.
const MAX_BODY_BYTES = 1024 * 1024
const TARGET_PREFIX = 'TrentService.'
const JSON_TYPE = 'application/x-amz-json-1.1'

export interface Endpoint {
  readonly callers: Callers
  readonly store: KeyStore
  readonly faults: Faults
  readonly counts: CallCounts
  readonly regions: Regions
  readonly log: (line: string) => void
  readonly onAnswer: (call: AnsweredCall) => void
}

export async function answer(
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = request.url ?? '/'
  if (target.startsWith(CONTROL_PREFIX)) {
    const body = await readBody(request)
    const { status, body: result } = control(
      request.method ?? '',
      new URL(target, 'http://localhost'),
      body,
      { ...endpoint, roles: endpoint.callers.roles },
    )
    send(response, status, 'application/json', result)
    return
  }
  if (request.headers['content-type']?.startsWith(FORM_TYPE) === true) {
    const body = await readBody(request)
    const signed = { method: request.method ?? '', target, headers: request.headersDistinct, body }
    const outcome = await answerSts(endpoint, signed, () => whenGone(response))
    if (outcome === 'drop') response.destroy()
    else sendText(response, outcome.status, 'text/xml', outcome.xml)
    return
  }
  response.setHeader('x-amzn-RequestId', randomUUID())
  try {
    const result = await carryOut(endpoint, request, response)
    if (result === 'drop') response.destroy()
    else send(response, 200, JSON_TYPE, result)
  } catch (error) {
    if (!(error instanceof KmsError)) {
      endpoint.log(`local-kms failed: ${error instanceof Error ? (error.stack ?? error.message) : ''}`)
    }
    const { status, name, message, hasMessage } = error instanceof KmsError ? error : internalError()
    send(response, status, JSON_TYPE, hasMessage ? { __type: name, message } : { __type: name })
  }
}

async function carryOut(
  { callers, store, faults, counts, onAnswer }: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<object | 'drop'> {
  const body = await readBody(request)
  const target = request.url ?? '/'
  const { caller, region } = verifySignature(
    { method: request.method ?? '', target, headers: request.headersDistinct, body },
    (accessKeyId) => callers.find(accessKeyId),
    Date.now(),
    { sessionsNow: store.now() },
  )
  const name = request.headers['x-amz-target']
  if (
    request.method !== 'POST' ||
    target !== '/' ||
    typeof name !== 'string' ||
    !name.startsWith(TARGET_PREFIX)
  ) {
    throw new KmsError('UnknownOperationException')
  }
  const operation = name.slice(TARGET_PREFIX.length)
  const carry = findOperation(operation)
  const { fields, parsed } = parseBody(body)
  const observed = observeCall(operation, caller, region, parsed, store)
  counts.add(observed)
  try {
    if ((await faults.meet(observed, () => whenGone(response))) === 'drop') {
      onAnswer({ ...observed, outcome: 'dropped' })
      return 'drop'
    }
    const call: Call = { operation, caller, region, fields, store, now: store.now() }
    const result = carry(call)
    onAnswer({ ...observed, outcome: 'answered' })
    return result
  } catch (error) {
    onAnswer({ ...observed, outcome: error instanceof KmsError ? error.name : 'failed' })
    throw error
  }
}

function parseBody(body: Buffer): { fields: RequestFields; parsed: object } {
  let parsed: unknown
  try {
    parsed = body.length === 0 ? {} : JSON.parse(body.toString())
  } catch {
    throw new KmsError('SerializationException')
  }
  const fields = new RequestFields(parsed)
  return { fields, parsed: typeof parsed === 'object' && parsed !== null ? parsed : {} }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    size += chunk.length
    // Read on to the end: a client that is still sending would see a reset instead of the answer.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  if (size > MAX_BODY_BYTES) throw new KmsError('RequestEntityTooLargeException', undefined, 413)
  return Buffer.concat(chunks)
}

function whenGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  response.once('close', () => {
    gone.abort()
  })
  return gone.signal
}

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  sendText(response, status, type, body === undefined ? '' : JSON.stringify(body))
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
