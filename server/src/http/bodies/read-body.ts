// Reads a body into one buffer. A long one is copied where it belongs as it arrives, so that it is in memory once and is
// never copied as a whole.
import { KeyholdError } from '@keyhold/core'
import type { Readable } from 'node:stream'
import { uncountedBytes } from './body-budget.ts'

export interface ReadBodyOptions {
  /** Undefined: not known before the end. */
  announcedBytes: number | undefined
  maxBytes: number
  /** Asks for room for the longest body, once a body of unknown length is no short one. */
  admitLongest: (done: (error?: Error) => void) => void
  /** Is called when the body has room for so many bytes. It may expel the body, until the function that it answers is called. */
  watch: (bytes: number, expel: () => void) => () => void
}

/** Calls `done` once. The errors are `ERR_PAYLOAD_TOO_LARGE`, `ERR_INVALID_REQUEST`, `ERR_REQUEST_TIMEOUT` and those of `admitLongest`. */
export function readBody(
  payload: Readable,
  { announcedBytes, maxBytes, admitLongest, watch }: ReadBodyOptions,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  if (announcedBytes !== undefined && announcedBytes > maxBytes) {
    done(new KeyholdError('ERR_PAYLOAD_TOO_LARGE'))
    return
  }
  let whole =
    announcedBytes !== undefined && announcedBytes > uncountedBytes
      ? Buffer.allocUnsafe(announcedBytes)
      : undefined
  const chunks: Buffer[] = []
  let received = 0
  let isCounted = announcedBytes !== undefined
  let isOver = false
  let endWatch = whole === undefined ? undefined : watch(whole.length, expel)

  function expel(): void {
    end(new KeyholdError('ERR_REQUEST_TIMEOUT'))
  }

  function end(error: Error | null, body?: Buffer): void {
    // A client that goes away while its body waits for room ends it in two ways.
    if (isOver) return
    isOver = true
    endWatch?.()
    payload.off('data', onData)
    payload.off('end', onEnd)
    payload.off('error', onError)
    done(error, body)
  }

  function onData(chunk: Buffer): void {
    const at = received
    received += chunk.length
    if (received > maxBytes) {
      end(new KeyholdError('ERR_PAYLOAD_TOO_LARGE'))
      return
    }
    if (whole === undefined) chunks.push(chunk)
    else chunk.copy(whole, at)
    if (isCounted || received <= uncountedBytes) return
    isCounted = true
    payload.pause()
    admitLongest((error) => {
      if (error === undefined) makeRoom()
      else end(error)
    })
  }

  // The longest body has room. The system gives memory to a page when something is written to it, so a short body does not
  // take more than its length.
  function makeRoom(): void {
    if (isOver) return
    whole = Buffer.allocUnsafe(maxBytes)
    endWatch = watch(maxBytes, expel)
    let at = 0
    for (const chunk of chunks.splice(0)) at += chunk.copy(whole, at)
    payload.resume()
  }

  function onEnd(): void {
    const isWhole = announcedBytes === undefined || received === announcedBytes
    if (isWhole) end(null, whole?.subarray(0, received) ?? Buffer.concat(chunks, received))
    else end(new KeyholdError('ERR_INVALID_REQUEST'))
  }

  function onError(cause: Error): void {
    end(new KeyholdError('ERR_INVALID_REQUEST', { cause }))
  }

  payload.on('data', onData)
  payload.on('end', onEnd)
  payload.on('error', onError)
  payload.resume()
}
