// Progress on standard error: on a terminal one line, written again and again; elsewhere a line now and then, for logs. All
// commands that take long show theirs here.
import type { Shell } from '../shell.ts'
import { printable } from './printable.ts'
import { say } from './say.ts'
import { cutTo } from './width.ts'

export interface Progress {
  /** Shows the progress. `milestone` names the stage: away from a terminal each stage gets a line. */
  show(text: string, milestone?: string): void
  /** Says something that stays. */
  note(text: string): void
  close(): void
}

interface ProgressOptions {
  /** Nothing is shown before this time, and nothing again within it: work that is quick needs no display. */
  pauseMs?: number
  clock?: () => number
}

const quietMs = 10_000

export const noProgress: Progress = { show: () => undefined, note: () => undefined, close: () => undefined }

export function openProgress(
  shell: Pick<Shell, 'stderr'>,
  { pauseMs = 0, clock = () => performance.now() }: ProgressOptions = {},
): Progress {
  return shell.stderr.isTTY ? onTerminal(shell, pauseMs, clock) : onStream(shell, clock)
}

function onTerminal({ stderr }: Pick<Shell, 'stderr'>, pauseMs: number, clock: () => number): Progress {
  let shownMs = clock()
  let isShown = false
  const clear = () => {
    if (isShown) stderr.write('\r\x1b[K')
    isShown = false
  }
  return {
    show(text) {
      const now = clock()
      if (now - shownMs < pauseMs) return
      shownMs = now
      isShown = true
      // A line that wraps could not be written again.
      stderr.write(`\r\x1b[K${cutTo(`keyhold: ${printable(text)}`, (stderr.columns ?? 80) - 1)}`)
    },
    note(text) {
      clear()
      say({ stderr }, text)
    },
    close: clear,
  }
}

function onStream(shell: Pick<Shell, 'stderr'>, clock: () => number): Progress {
  let lastText = ''
  let lastMilestone: string | undefined
  let lastMs = clock()
  return {
    show(text, milestone) {
      const due = milestone !== lastMilestone || clock() - lastMs >= quietMs
      if (!due || text === lastText) return
      lastText = text
      lastMilestone = milestone
      lastMs = clock()
      say(shell, text)
    },
    note(text) {
      say(shell, text)
    },
    close: () => undefined,
  }
}
