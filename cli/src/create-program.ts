// The command tree with what all commands share: global options, the way errors are said, help.
import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { addApiKeyCommands } from './commands/api-key.ts'
import { addAuditGroup } from './commands/audit.ts'
import { addDataKeyCommands } from './commands/data-key.ts'
import { addDrGroup } from './commands/dr.ts'
import { addDestructionGroup } from './commands/destruction.ts'
import { addKeyproviderCommands } from './commands/keyprovider.ts'
import { addMigrationGroup } from './commands/migration.ts'
import { addEncryptionCommands } from './commands/encryption.ts'
import { addLockCommands } from './commands/lock.ts'
import { addSettingsGroup } from './commands/settings.ts'
import { addTenantCommands } from './commands/tenant.ts'
import { addTenantKeyCommands } from './commands/tenant-key.ts'
import { addUsageGroup } from './commands/usage.ts'
import { addGlobalOptions } from './global-options.ts'

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

export function createProgram(): Command {
  const program = new Command('keyhold')
    .description(
      "Keyhold's command line: values and files, tenants, API keys, data keys, key providers and migrations.",
    )
    .version(manifest.version, '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'keyhold: error: '))
      },
    })
    .exitOverride()
    .addHelpText('after', epilogue)
  addGlobalOptions(program)
  addKeyproviderCommands(program)
  addMigrationGroup(program)
  addTenantKeyCommands(program)
  addEncryptionCommands(program)
  addDataKeyCommands(program)
  addDestructionGroup(program)
  addAuditGroup(program)
  addLockCommands(program)
  addSettingsGroup(program)
  addDrGroup(program)
  addUsageGroup(program)
  addTenantCommands(program)
  addApiKeyCommands(program)
  addKeyproviderCommands(
    program
      .command('encryption')
      .description("The original CLI's spelling: keyhold encryption keyprovider …"),
  )
  sayUsageAfterErrors(program, 'keyhold')
  return program
}

// One line instead of the whole help: the error above it must not scroll away.
function sayUsageAfterErrors(command: Command, path: string): void {
  command.showHelpAfterError(`usage: ${path} ${command.usage()}\nkeyhold: hint: ${path} --help explains it`)
  for (const child of command.commands) sayUsageAfterErrors(child, `${path} ${child.name()}`)
}
