// Keeps all that a server logs, and looks at once whether a line tells a secret.
import { leakIn } from './canaries.ts'

export function watchLog() {
  const texts: string[] = []
  let leak: string | undefined
  return {
    write(line: string) {
      texts.push(line)
      const found = leakIn(line)
      if (found !== undefined) leak ??= `leads to a line of the log with a secret: ${found}`
    },
    takeLeak(): string | undefined {
      const taken = leak
      leak = undefined
      return taken
    },
    lines: () => texts.length,
    all: () => texts.join(''),
  }
}
