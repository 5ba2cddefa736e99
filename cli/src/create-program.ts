// The command tree, with all that the commands share: global options, the form of errors, help.
import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { commandTable } from './commands/command-table.ts'
import { addGlobalOptions } from './global-options.ts'
import type { Screen, Shell } from './shell.ts'
import { registerCommands } from './table/register-commands.ts'

const epilogue = `
Environment:
  KEYHOLD_URL             the server, as --server
  KEYHOLD_TOKEN           the access token of a tenant admin
  KEYHOLD_SERVICE_TOKEN   the access token of a service, for encrypt and decrypt; KEYHOLD_TOKEN when it is not set
  KEYHOLD_OPERATOR_TOKEN  the access token of an operator, for tenant and api-key; KEYHOLD_TOKEN when it is not set

Exit codes:
  0  done                                     6  the token's role does not allow it (403)
  1  refused, failed or not completed         7  there is no such thing (404)
  2  the command line is wrong                8  something stands in the way (409, 412, 423, 424, 428)
  3  no server or token, or not usable ones   9  not available for now; try again (408, 429, 503)
  4  the server cannot be reached safely     10  the server failed (other 5xx)
  5  the token is not accepted (401)        130  interrupted`

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
        write(text.replace(/^error: /, 'keyhold: error: '))
      },
    })
    .exitOverride()
    .addHelpText('after', epilogue)
  addGlobalOptions(program)
  registerCommands(program, commandTable, shell)
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
