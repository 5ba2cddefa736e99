// Lets a signal end the waiting for a promise. Whatever the promise stands for goes on.

/** @throws what `promise` throws, or the reason of `signal` as soon as that is aborted */
export function abortable<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const end = (): void => {
      // The caller chooses the reason, which may be no Error.
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors
      reject(signal.reason)
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', end)
    })
  })
}
