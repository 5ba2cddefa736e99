// Progress on standard error: on a terminal one line, written again and again; elsewhere a line now and then, for logs.
import type { Shell } from '../shell.ts'
import { say } from './say.ts'

export interface Progress {
  /** Shows the progress. `milestone` names the stage: away from a terminal each stage gets a line. */
  show(text: string, milestone: string): void
  /** Says something that stays. */
  note(text: string): void
  close(): void
}

const quietMs = 10_000

export function openProgress(shell: Shell): Progress {
  return shell.stderr.isTTY ? onTerminal(shell) : onStream(shell)
}

function onTerminal(shell: Shell): Progress {
  const { stderr } = shell
  const clear = () => stderr.write('\r\x1b[K')
  return {
    show(text) {
      clear()
      // A line that wraps could not be written again.
      stderr.write(`keyhold: ${text}`.slice(0, (stderr.columns ?? 80) - 1))
    },
    note(text) {
      clear()
      say(shell, text)
    },
    close: clear,
  }
}

function onStream(shell: Shell): Progress {
  let lastText = ''
  let lastMilestone = ''
  let lastTime = 0
  return {
    show(text, milestone) {
      const due = milestone !== lastMilestone || performance.now() - lastTime >= quietMs
      if (!due || text === lastText) return
      lastText = text
      lastMilestone = milestone
      lastTime = performance.now()
      say(shell, text)
    },
    note(text) {
      say(shell, text)
    },
    close: () => undefined,
  }
}
