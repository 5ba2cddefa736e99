// Everything on the terminal that is not an answer. The rules: standard error; one line each, which begins with
// "keyhold:"; no control characters from the server. Standard output is for answers alone.
import type { Shell } from '../shell.ts'
import { printable } from './printable.ts'

export function say({ stderr }: Pick<Shell, 'stderr'>, message: string): void {
  stderr.write(`keyhold: ${printable(message)}\n`)
}

export function sayWarning(shell: Pick<Shell, 'stderr'>, message: string): void {
  say(shell, `warning: ${message}`)
}

export function sayError(shell: Pick<Shell, 'stderr'>, message: string): void {
  say(shell, `error: ${message}`)
}

export function sayHint(shell: Pick<Shell, 'stderr'>, message: string): void {
  say(shell, `hint: ${message}`)
}
