// The three protocols of the port: awsJson1.1 of KMS, the forms of STS, and the control routes for tests.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Callers } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { Propagation } from '../keys/propagation.ts'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Faults } from '../traffic/faults.ts'
import type { AnsweredCall } from '../traffic/observed-call.ts'
import type { Regions } from '../traffic/regions.ts'
import { answerControl, controlPrefix } from './answer-control.ts'
import { answerKms } from './answer-kms.ts'
import { answerSts, formType } from './answer-sts.ts'
import { sendAnswer } from './http-answer.ts'
import { readSignedRequest } from './signed-request.ts'

/** Everything that requests act on. */
export interface Endpoint {
  callers: Callers
  store: KeyStore
  faults: Faults
  counts: CallCounts
  regions: Regions
  propagation: Propagation
  log: (line: string) => void
  onAnswer: (call: AnsweredCall) => void
}

/** Rejects when the client goes away while it is sending. */
export async function answerRequest(
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const clientGone = (): AbortSignal => signalWhenGone(response)
  if (request.url?.startsWith(controlPrefix) === true) {
    sendAnswer(response, answerControl(endpoint, await readSignedRequest(request)))
  } else if (request.headers['content-type']?.startsWith(formType) === true) {
    sendAnswer(response, await answerSts(endpoint, await readSignedRequest(request), clientGone))
  } else {
    response.setHeader('x-amzn-RequestId', randomUUID())
    sendAnswer(response, await answerKms(endpoint, request, clientGone))
  }
}

function signalWhenGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  response.once('close', () => {
    gone.abort()
  })
  return gone.signal
}
