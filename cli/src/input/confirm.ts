// Asks before something is destroyed. A script must decide beforehand.
import { createInterface } from 'node:readline/promises'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'

/**
 * @param word - the option that says it beforehand
 * @throws CliError `usage` where nobody can be asked, `failed` for any answer but yes, `interrupted` by Ctrl+C.
 */
export async function confirm({ stdin, stderr }: Shell, question: string, word = '--yes'): Promise<void> {
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new CliError('usage', 'ERR_CLI_NOT_CONFIRMED', 'there is no terminal to ask for confirmation', {
      hint: `pass ${word} if you are sure`,
    })
  }
  const terminal = createInterface({ input: stdin, output: stderr })
  const interrupt = new AbortController()
  terminal.once('SIGINT', () => {
    interrupt.abort()
  })
  // Where the input ends, the question stays open for ever.
  const ended = new Promise<never>((_resolve, reject) => {
    terminal.once('close', () => {
      reject(new Error('the input has ended'))
    })
  })
  let answer = ''
  try {
    const asked = terminal.question(`keyhold: ${question} [y/N] `, { signal: interrupt.signal })
    answer = await Promise.race([asked, ended])
  } catch {
    // Ctrl+C, Ctrl+D, or the end of the input. The cursor still stands behind the question.
    stderr.write('\n')
  } finally {
    terminal.close()
  }
  if (/^y(es)?$/i.test(answer.trim())) return
  const outcome = interrupt.signal.aborted ? 'interrupted' : 'failed'
  throw new CliError(outcome, 'ERR_CLI_NOT_CONFIRMED', 'nothing was done')
}
