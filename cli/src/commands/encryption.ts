// keyhold encrypt and keyhold decrypt: files and streams here, under leased keys; single values by the server.
import type { Command } from 'commander'
import { fileProblem } from '../encryption/file-problem.ts'
import { interruptible } from '../wait/interruptible.ts'
import {
  addEncryptionOptions,
  parseRange,
  pathUnlessStandard,
  type EncryptionOptions,
} from '../encryption/options.ts'
import { transformContent } from '../encryption/transform-content.ts'
import { transformValue } from '../encryption/transform-value.ts'
import { outputMode, type GlobalOptions, type OutputMode } from '../global-options.ts'
import { openTenant } from '../session/open-tenant.ts'

type Direction = 'encrypt' | 'decrypt'

export function addEncryptionCommands(parent: Command): void {
  addEncryptionOptions(parent.command('encrypt'))
    .description('Encrypt a file of any size, or a value.')
    .option('--key-name <name>', 'with --value: the name of the key')
    .option('--trim-newline', 'with --value: leave out one line end at the end of the input')
    .action((file: string | undefined, options: EncryptionOptions, command: Command) =>
      run('encrypt', file, options, command),
    )

  addEncryptionOptions(parent.command('decrypt'))
    .description('Decrypt a file of any size, or a token.')
    .option('--range <first-last>', 'only these bytes of the content, as 0-499, 500- or -500', parseRange)
    .action((file: string | undefined, options: EncryptionOptions, command: Command) =>
      run('decrypt', file, options, command),
    )
}

async function run(
  direction: Direction,
  file: string | undefined,
  options: EncryptionOptions,
  command: Command,
): Promise<void> {
  const globals = command.optsWithGlobals<GlobalOptions>()
  const { value: isValue = false, context = {}, tenant: tenantId, force = false } = options
  const input = pathUnlessStandard(isValue ? options.file : file)
  const output = pathUnlessStandard(options.output)
  const mode = outputMode(globals)
  if (isValue) refuseForValues(file, options, command)
  else refuseForFiles({ ...options, input, output, mode }, command)
  if (input === undefined && globals.tokenFile === '-')
    command.error('error: standard input cannot hold both the token and the content')
  const tenant = () => openTenant(command, tenantId)
  try {
    await interruptible((signal) => {
      const task = { direction, input, output, context, force }
      if (isValue) {
        const { keyName, trimNewline = false } = options
        return transformValue(tenant, { ...task, keyName, trimNewline, json: mode === 'json' }, signal)
      }
      const local = async () => (await tenant()).local
      return transformContent(local, { ...task, quiet: mode === 'quiet', range: options.range }, signal)
    })
  } catch (error) {
    throw fileProblem(error, { input, output })
  }
}

function refuseForValues(file: string | undefined, { range }: EncryptionOptions, command: Command): void {
  // It may be the secret itself: the message must not repeat it.
  if (file !== undefined) {
    command.error(
      'error: --value takes no argument, which every user of this machine could see; use standard input or --file',
    )
  }
  if (range !== undefined) command.error('error: --range is for files; leave out --value')
}

interface FileChoices extends Omit<EncryptionOptions, 'output'> {
  mode: OutputMode
  input: string | undefined
  output: string | undefined
}

function refuseForFiles({ file, keyName, trimNewline, range, ...rest }: FileChoices, command: Command): void {
  if (file !== undefined) command.error('error: --file is for --value; name the file without it')
  if (keyName !== undefined)
    command.error('error: --key-name is for --value: the keys of files have no names')
  if (trimNewline) command.error('error: --trim-newline is for --value')
  if (range !== undefined && rest.input === undefined)
    command.error('error: --range needs a file: a stream has no middle')
  if (rest.output === undefined && (rest.mode === 'json' || rest.mode === 'raw'))
    command.error('error: --json and --raw need --output: standard output holds the content')
}
