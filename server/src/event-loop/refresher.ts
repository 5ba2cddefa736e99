// Reads something again every so often, and at once when somebody asks.

export interface Refresher {
  /** Reads now. What was committed before the call is known when it answers. */
  refresh: () => Promise<void>
  close: () => void
}

/**
 * @param everyMs - between the end of a reading and the next one
 * @param onError - receives the error of a reading that nobody has asked for; the next one comes after `everyMs`
 */
export function createRefresher(
  read: () => Promise<void>,
  everyMs: number,
  onError: (error: unknown) => void,
): Refresher {
  let reading: Promise<void> | undefined
  let following: Promise<void> | undefined
  let isClosed = false

  function readNow(): Promise<void> {
    reading = read().finally(() => (reading = undefined))
    return reading
  }

  function refresh(): Promise<void> {
    if (reading === undefined) return readNow()
    // The running reading may have begun before the commit that the caller wants to see.
    following ??= reading
      .catch(() => undefined)
      .then(() => {
        following = undefined
        return readNow()
      })
    return following
  }

  let timer: NodeJS.Timeout | undefined
  function refreshLater(): void {
    if (isClosed) return
    timer = setTimeout(() => {
      void refresh().catch(onError).finally(refreshLater)
    }, everyMs)
    timer.unref()
  }

  refreshLater()
  return {
    refresh,
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
