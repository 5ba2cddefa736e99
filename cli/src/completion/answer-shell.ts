// The hidden command that shells call while somebody types: `keyhold __complete SHELL -- WORD…`, or the whole line for bash.
import type { Command } from 'commander'
import type { Shell } from '../shell.ts'
import { completeLine, type Completion } from './complete-line.ts'
import type { CompletedShell } from './shell-scripts.ts'
import { splitLine } from './split-line.ts'

/** Its name. Scripts that are already in people's shells call it. */
export const completeCommand = '__complete'

export function addCompleteCommand(program: Command, shell: Shell): void {
  program
    .command(completeCommand, { hidden: true })
    .description('Answers what can stand where the cursor is.')
    .argument('<shell>')
    .argument('[words...]')
    .action(async (name: CompletedShell, given: string[]) => {
      const words = name === 'bash' ? splitLine(given[0] ?? '').slice(1) : given
      shell.stdout.write(linesFor(name, await completeLine(program, words, shell)))
    })
}

function linesFor(shell: CompletedShell, { candidates, prefix, takesFiles }: Completion): string {
  const lines = candidates.map(({ value, about }) => {
    // For bash, "=" ends a word: only what follows it is replaced.
    if (shell === 'bash') return value
    return about === undefined || about === '' ? prefix + value : `${prefix}${value}\t${about}`
  })
  return [...lines, ...(takesFiles ? [':files'] : [])].map((line) => `${line}\n`).join('')
}
