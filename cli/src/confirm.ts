// Asks before something is destroyed. Scripts must have decided beforehand.
import { createInterface } from 'node:readline/promises'
import { CliError } from './cli-error.ts'

/** @throws CliError `usage` where nobody can be asked, `failed` for any answer but yes. */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CliError('usage', 'ERR_CLI_NOT_CONFIRMED', 'there is no terminal to ask for confirmation', {
      hint: 'pass --yes if you are sure',
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`keyhold: ${question} [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) {
      throw new CliError('failed', 'ERR_CLI_NOT_CONFIRMED', 'nothing was done')
    }
  } finally {
    terminal.close()
  }
}
