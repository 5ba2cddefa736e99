// Progress on standard error: one line, rewritten, on a terminal; elsewhere a line now and then, for logs.
import { say } from './say.ts'

export interface Progress {
  /** Shows where it stands. `milestone` names the stage: elsewhere than on a terminal each one gets its line. */
  show(text: string, milestone: string): void
  /** Says something that must not be rewritten. */
  note(text: string): void
  close(): void
}

const quietMs = 10_000

export function openProgress(): Progress {
  return process.stderr.isTTY ? onTerminal() : onStream()
}

function onTerminal(): Progress {
  const clear = () => process.stderr.write('\r\x1b[K')
  return {
    show(text) {
      clear()
      // A line that wraps could not be rewritten.
      process.stderr.write(`keyhold: ${text}`.slice(0, process.stderr.columns - 1))
    },
    note(text) {
      clear()
      say(text)
    },
    close: clear,
  }
}

function onStream(): Progress {
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
      say(text)
    },
    note: say,
    close: () => undefined,
  }
}
