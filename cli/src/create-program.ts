// The command tree, with all that the commands share: global options, the form of errors, help.
import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { commandTable } from './commands/command-table.ts'
import { addCompleteCommand } from './completion/answer-shell.ts'
import { addGlobalOptions } from './global-options.ts'
import { addHelpCommand } from './help-command.ts'
import { helpEpilogue } from './help-epilogue.ts'
import type { Screen, Shell } from './shell.ts'
import { registerCommands } from './table/register-commands.ts'

export function createProgram(shell: Shell): Command {
  const { stdout, stderr } = shell
  const program = new Command('keyhold')
    .description(
      "Keyhold's command line: values and files, tenants, API keys, data keys, key providers and migrations.",
    )
    .version(manifest.version, '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => widthOf(stdout),
      getErrHelpWidth: () => widthOf(stderr),
      outputError: (text, write) => {
        // A word too many may be a token: it is not repeated.
        const said = text.replace(/(too many arguments[^:]*):.*$/m, '$1.')
        write(said.replace(/^error: /, 'keyhold: error: '))
      },
    })
    .exitOverride()
    .addHelpText('after', helpEpilogue())
  addGlobalOptions(program)
  registerCommands(program, commandTable, shell)
  addHelpCommand(program)
  addCompleteCommand(program, shell)
  showUsageAfterErrors(program, 'keyhold')
  return program
}

function widthOf({ isTTY, columns }: Screen): number {
  return (isTTY ? columns : undefined) ?? 80
}

// One line instead of the whole help: the error above it must not scroll away.
function showUsageAfterErrors(command: Command, path: string): void {
  command.showHelpAfterError(`usage: ${path} ${command.usage()}\nkeyhold: hint: ${path} --help explains it`)
  for (const child of command.commands) showUsageAfterErrors(child, `${path} ${child.name()}`)
}
