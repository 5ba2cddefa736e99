// Names of contexts. They stand in shells, tables and completions, so that nothing in them needs a quote or steers a terminal.
import { InvalidArgumentError } from 'commander'

const form = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export function isContextName(text: string): boolean {
  return form.test(text)
}

export function parseContextName(text: string): string {
  if (!isContextName(text))
    throw new InvalidArgumentError(
      'It must be a name of 1 to 64 letters, digits, ".", "_" and "-", which begins with a letter or digit.',
    )
  return text
}
