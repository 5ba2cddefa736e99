// Asks for a secret, which the terminal does not show.
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'

/** @throws CliError `interrupted` for Ctrl+C, and for an input that ends before there is a line */
export async function askSecret({ stdin, stderr }: Shell, question: string): Promise<string> {
  stderr.write(`keyhold: ${question} `)
  const nowhere = new Writable({
    write(_piece, _encoding, done) {
      done()
    },
  })
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 })
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (): void => {
      reject(new CliError('interrupted', 'ERR_CLI_INTERRUPTED', 'interrupted'))
    }
    terminal.once('SIGINT', end)
    terminal.once('close', end)
  })
  try {
    return await Promise.race([terminal.question(''), ended])
  } finally {
    terminal.close()
    stderr.write('\n')
  }
}
