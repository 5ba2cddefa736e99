// A thread that seals and opens blocks of files. It keeps no key: each block comes with its own.
import { isKeyholdError } from '@keyhold/core'
import { parentPort } from 'node:worker_threads'
import { workOn, type FromThread, type ToThread } from './block-messages.ts'

if (parentPort === null) throw new Error('it is a thread, and no program')
const port = parentPort

function say(message: FromThread, transferred: ArrayBuffer[] = []): void {
  port.postMessage(message, transferred)
}

port.on('message', ({ id, work }: ToThread) => {
  try {
    const worked = workOn(work)
    say({ id, worked }, [worked.input.buffer, worked.output.buffer])
  } catch (error) {
    const refusal = isKeyholdError(error)
      ? { code: error.code, message: error.message, details: error.details }
      : undefined
    say({ id, refusal })
  }
})
say({ ready: true })
