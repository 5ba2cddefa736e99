// keyhold completion: what a shell needs to complete commands, options and names.
import { completedShells, shellScripts, type CompletedShell } from '../completion/shell-scripts.ts'
import { command } from '../table/command-spec.ts'
import { argumentChoice } from '../table/input.ts'

export const completionCommand = command({
  name: 'completion',
  about: 'Print the completion script of a shell.',
  inputs: { of: argumentChoice<CompletedShell>('<shell>', 'the shell', completedShells) },
  run({ shell }, { of }) {
    shell.stdout.write(shellScripts[of])
    return Promise.resolve()
  },
})
