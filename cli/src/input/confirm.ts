// Asks before something is destroyed. A script must decide beforehand.
import { createInterface } from 'node:readline/promises'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'

/** @throws CliError `usage` where nobody can be asked, `failed` for any answer but yes, `interrupted` by Ctrl+C. */
export async function confirm({ stdin, stderr }: Shell, question: string): Promise<void> {
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new CliError('usage', 'ERR_CLI_NOT_CONFIRMED', 'there is no terminal to ask for confirmation', {
      hint: 'pass --yes if you are sure',
    })
  }
  const terminal = createInterface({ input: stdin, output: stderr })
  const interrupt = new AbortController()
  terminal.once('SIGINT', () => {
    interrupt.abort()
  })
  let answer = ''
  try {
    answer = await terminal.question(`keyhold: ${question} [y/N] `, { signal: interrupt.signal })
  } catch {
    // Ctrl+C, or Ctrl+D: the end of the input. The cursor still stands behind the question.
    stderr.write('\n')
  } finally {
    terminal.close()
  }
  if (/^y(es)?$/i.test(answer.trim())) return
  const outcome = interrupt.signal.aborted ? 'interrupted' : 'failed'
  throw new CliError(outcome, 'ERR_CLI_NOT_CONFIRMED', 'nothing was done')
}
