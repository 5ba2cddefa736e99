// This side of the thread for long bodies: gives it orders, and finds the keys that it asks for.
import { KeyholdError } from '@keyhold/core'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { RequestKeys } from '../../data/request-keys.ts'
import {
  errorOf,
  foundKeys,
  type AnsweredBody,
  type BodyOrder,
  type FoundKeys,
  type FromThread,
  type KeyQuestion,
  type ToThread,
} from './body-messages.ts'
import { ownBytes } from './own-bytes.ts'

// TypeScript beside this file in the repository, JavaScript in the package.
const threadFile = new URL(`body-thread${path.extname(import.meta.url)}`, import.meta.url)

export interface BodyThread {
  /** Gives `order.bytes` away. Rejects when the thread fails, which loses all that it works on. */
  answer(order: BodyOrder, keys: RequestKeys, left: AbortSignal): Promise<AnsweredBody>
  isIdle(): boolean
  hasEnded(): boolean
  end(): Promise<void>
}

export function startBodyThread(): BodyThread {
  const worker = new Worker(threadFile, { execArgv: [] })
  const underWay = new Map<number, PromiseWithResolvers<FromThread>>()
  let lastId = 0
  let hasEnded = false

  function fail(error: unknown): void {
    hasEnded = true
    for (const { reject } of underWay.values()) reject(error)
    underWay.clear()
  }
  worker.on('message', (message: FromThread) => underWay.get(message.id)?.resolve(message))
  worker.on('error', fail)
  worker.on('exit', () => {
    fail(new Error('the thread for long bodies has ended'))
  })
  // A process that stops does not wait for it.
  worker.unref()

  /** Says something, and answers with what the thread says next. */
  function say(message: ToThread, transferred: ArrayBuffer[] = []): Promise<FromThread> {
    const next = Promise.withResolvers<FromThread>()
    if (hasEnded) throw new Error('the thread for long bodies has ended')
    underWay.set(message.id, next)
    worker.postMessage(message, transferred)
    return next.promise
  }

  return {
    async answer(order, keys, left) {
      const id = ++lastId
      const bytes = ownBytes(order.bytes)
      const leave = () => {
        worker.postMessage({ id, giveUp: true } satisfies ToThread)
      }
      left.addEventListener('abort', leave)
      let keyFailure: { error: unknown } | undefined
      let message: FromThread | undefined
      try {
        message = await say({ id, order: { ...order, bytes } }, [bytes.buffer])
        while ('question' in message) {
          const found: FoundKeys | undefined = await find(keys, message.question).catch((error: unknown) => {
            keyFailure = { error }
            return undefined
          })
          // The thread has given up, and says nothing any more.
          if (left.aborted) break
          message = await say(found === undefined ? { id, giveUp: true } : { id, found })
        }
        if ('answered' in message) return message.answered
        if (keyFailure !== undefined) throw keyFailure.error
        if (left.aborted || 'question' in message) throw new KeyholdError('ERR_INVALID_REQUEST')
        throw 'refusal' in message ? errorOf(message.refusal) : message.failure
      } finally {
        left.removeEventListener('abort', leave)
        underWay.delete(id)
        // It waits for an answer that will not come.
        if (message !== undefined && 'question' in message) leave()
      }
    },
    isIdle: () => underWay.size === 0,
    hasEnded: () => hasEnded,
    async end() {
      await worker.terminate()
    },
  }
}

async function find(keys: RequestKeys, question: KeyQuestion): Promise<FoundKeys> {
  switch (question.find) {
    case 'actives':
      return foundKeys(await keys.actives(question.of))
    case 'named':
      return foundKeys(await keys.named(question.of))
    case 'keyNames':
      return foundKeys(await keys.keyNames(question.of))
  }
}
