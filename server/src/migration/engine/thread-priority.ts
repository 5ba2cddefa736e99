// The priority of single threads. On Linux it belongs to a thread, which anyone of the process may lower; to raise it again takes a right
// that servers rarely have. Elsewhere it belongs to the process, and stays as it is.
import { readlinkSync } from 'node:fs'
import os from 'node:os'

export const yieldingPriority = 10

/** The number by which the system knows the calling thread. Undefined: it does not tell, or threads have no priority here. */
export function ownThreadId(): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const id = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    return Number.isSafeInteger(id) && id > 0 ? id : undefined
  } catch {
    return undefined
  }
}

function setThreadPriority(threadId: number, priority: number): boolean {
  try {
    os.setPriority(threadId, priority)
    return true
  } catch {
    return false
  }
}

export interface ThreadPriorities {
  /** That of the process: threads begin with it. */
  usual: number
  /** Answers whether the thread has this priority now. */
  set: (threadId: number, priority: number) => boolean
}

export function threadPriorities(): ThreadPriorities {
  return { usual: os.getPriority(), set: setThreadPriority }
}
