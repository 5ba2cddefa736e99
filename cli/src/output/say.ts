// What goes to the terminal besides answers. The rules: standard error; one line each, beginning with "keyhold:"; no
// control characters from the server; standard output is for answers alone.
import { printable } from './printable.ts'

export function say(message: string): void {
  console.error(`keyhold: ${printable(message)}`)
}

export function sayWarning(message: string): void {
  say(`warning: ${message}`)
}

export function sayError(message: string): void {
  say(`error: ${message}`)
}

export function sayHint(message: string): void {
  say(`hint: ${message}`)
}
