// The thread that works on long bodies. It knows no database, no KMS and no tenant, and holds a key for as long as it works
// on a body that needs it.
import { isKeyholdError } from '@keyhold/core'
import os from 'node:os'
import { parentPort } from 'node:worker_threads'
import { answerBody } from './answer-body.ts'
import { createAskedKeys } from './asked-keys.ts'
import { ownBytes } from './own-bytes.ts'
import {
  refusalOf,
  type BodyOrder,
  type FoundKeys,
  type FromThread,
  type KeyQuestion,
  type ToThread,
} from './body-messages.ts'

const yieldingPriority = 10

// On Linux a priority belongs to a thread, so that the thread that answers requests comes first. Elsewhere it would
// belong to the process. One that has been lowered already may not be raised.
if (process.platform === 'linux' && os.getPriority() < yieldingPriority) os.setPriority(yieldingPriority)

interface Work {
  isWanted: boolean
  /** The question that waits for its answer. */
  asked: PromiseWithResolvers<FoundKeys> | undefined
}

const underWay = new Map<number, Work>()

parentPort?.on('message', (message: ToThread) => {
  if ('order' in message) {
    void begin(message.id, message.order)
    return
  }
  const work = underWay.get(message.id)
  if (work === undefined) return
  if ('found' in message) {
    work.asked?.resolve(message.found)
    return
  }
  work.isWanted = false
  work.asked?.reject(new Error('nobody wants the answer any more'))
})

async function begin(id: number, order: BodyOrder): Promise<void> {
  const work: Work = { isWanted: true, asked: undefined }
  underWay.set(id, work)
  const keys = createAskedKeys((question) => ask(id, work, question))
  try {
    const answered = await answerBody(order, keys, () => work.isWanted)
    const bytes = ownBytes(answered.bytes)
    say({ id, answered: { ...answered, bytes } }, [bytes.buffer])
  } catch (error) {
    say(isKeyholdError(error) ? { id, refusal: refusalOf(error) } : { id, failure: error })
  } finally {
    underWay.delete(id)
  }
}

function ask(id: number, work: Work, question: KeyQuestion): Promise<FoundKeys> {
  if (!work.isWanted) return Promise.reject(new Error('nobody wants the answer any more'))
  work.asked = Promise.withResolvers()
  say({ id, question })
  return work.asked.promise
}

function say(message: FromThread, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transferred)
}
