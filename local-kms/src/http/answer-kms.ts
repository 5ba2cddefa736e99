// awsJson1.1 of AWS KMS: reads a request, verifies its sender, lets the faults have it, carries it out and answers as
// AWS does, errors included.
import type { IncomingMessage } from 'node:http'
import type { Callers } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { KmsError, toKmsError } from '../kms-error.ts'
import type { Call } from '../operations/call.ts'
import { getOperation } from '../operations/get-operation.ts'
import { createRequestFields } from '../fields/request-fields.ts'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Faults } from '../traffic/faults.ts'
import { type AnsweredCall, observeCall } from '../traffic/observed-call.ts'
import { type HttpAnswer, jsonAnswer } from './http-answer.ts'
import { readSignedRequest, type SignedRequest } from './signed-request.ts'
import { verifySignature } from './verify-signature.ts'

const contentType = 'application/x-amz-json-1.1'
const targetPrefix = 'TrentService.'

export interface KmsParts {
  callers: Callers
  store: KeyStore
  faults: Faults
  counts: CallCounts
  log: (line: string) => void
  onAnswer: (call: AnsweredCall) => void
}

export async function answerKms(
  parts: KmsParts,
  request: IncomingMessage,
  clientGone: () => AbortSignal,
): Promise<HttpAnswer> {
  try {
    const result = await carryOut(parts, await readSignedRequest(request), clientGone)
    return result === 'drop' ? 'drop' : jsonAnswer(200, contentType, result)
  } catch (error) {
    const { status, name, message, hasMessage } = toKmsError(error, parts.log)
    return jsonAnswer(status, contentType, { __type: name, ...(hasMessage && { message }) })
  }
}

async function carryOut(
  { callers, store, faults, counts, onAnswer }: KmsParts,
  request: SignedRequest,
  clientGone: () => AbortSignal,
): Promise<object | 'drop'> {
  const { caller, region } = verifySignature(request, 'kms', callers, store.nowMs())
  const operation = operationNameOf(request)
  const carryOutOperation = getOperation(operation)
  const body = parseBody(request.body)
  const fields = createRequestFields(body)
  const observed = observeCall(operation, caller, region, body, store)
  counts.add(observed)
  try {
    if ((await faults.meet(observed, clientGone)) === 'drop') {
      onAnswer({ ...observed, outcome: 'dropped' })
      return 'drop'
    }
    const { sourceIp } = request
    const call: Call = {
      operation,
      caller,
      region,
      sourceIp,
      fields,
      store,
      optOuts: callers.optOuts,
      isPrincipal: (arn) => callers.isPrincipal(arn),
      nowMs: store.nowMs(),
    }
    const result = carryOutOperation(call)
    onAnswer({ ...observed, outcome: 'answered' })
    return result
  } catch (error) {
    onAnswer({ ...observed, outcome: error instanceof KmsError ? error.name : 'failed' })
    throw error
  }
}

function operationNameOf({ method, target, headers }: SignedRequest): string {
  const name = headers['x-amz-target']?.join(', ')
  if (method !== 'POST' || target !== '/' || name?.startsWith(targetPrefix) !== true) {
    throw new KmsError('UnknownOperationException')
  }
  return name.slice(targetPrefix.length)
}

function parseBody(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString())
  } catch {
    throw new KmsError('SerializationException')
  }
}
