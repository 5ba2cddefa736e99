// keyhold keyprovider …: a tenant's key providers, with the names and flags of the original's command line.
import { Option, type Command } from 'commander'
import { openSession } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply, printStatus } from '../output/print-reply.ts'
import { readJson, requestBody } from '../input/request-body.ts'
import { keyProviderListView, keyProviderView } from '../views/key-provider.ts'
import { messageView } from '../views/message.ts'
import { addKeyCommands } from './keyprovider-key.ts'
import { addMigrationCommands } from './keyprovider-migration.ts'

interface CreateOptions {
  arn?: string
  roleArn?: string
  name?: string
  description?: string
  keyProvider?: string
  keyprovider?: string
  file?: string
}

interface PatchOptions {
  op?: string
  path?: string
  value?: string
  file?: string
}

const theProvider = ['<fingerprint>', 'fingerprint of the key provider', parsePathSegment] as const

export function addKeyproviderCommands(parent: Command): void {
  const group = parent.command('keyprovider').description("A tenant's key providers and migrations.")

  group
    .command('create')
    .description('Register a key after trying it for real.')
    .option('--arn <arn>', 'ARN of the key in AWS KMS')
    .option('--role-arn <arn>', 'ARN of a role of your account that Keyhold assumes to reach it')
    .option('--name <name>', 'what people call it')
    .option('--description <text>', 'what it is for')
    .option('--keyProvider <kind>', 'AWS-KMS, the only kind')
    .addOption(new Option('--keyprovider <kind>').hideHelp())
    .option('-f, --file <path>', 'read the body as JSON, with - from standard input; options win over it')
    .action(async (options: CreateOptions, command: Command) => {
      const body = await createBody(options, command)
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('createKeyProvider', { body }), keyProviderView)
    })

  group
    .command('ls')
    .description('List the registered key providers.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('listKeyProviders'), keyProviderListView)
    })

  group
    .command('list')
    .description('List all key providers, the default one too.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('listAllKeyProviders'), keyProviderListView)
    })

  group
    .command('get')
    .description('Show one key provider.')
    .argument(...theProvider)
    .action(async (arnFingerPrint: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(
        session.mode,
        await session.call('getKeyProvider', { params: { arnFingerPrint } }),
        keyProviderView,
      )
    })

  group
    .command('patch')
    .description('Replace the name or the description.')
    .argument(...theProvider)
    .option('--op <operation>', 'replace, the only operation')
    .option('--path <path>', '/name or /description')
    .option('--value <text>', 'the new value')
    .option('-f, --file <path>', 'read the patches as a JSON array, with - from standard input')
    .action(async (arnFingerPrint: string, options: PatchOptions, command: Command) => {
      const body = requestBody('patchKeyProvider', await patchesOf(options, command))
      const session = await openSession(command, 'tenant-admin')
      printStatus(session.mode, await session.call('patchKeyProvider', { params: { arnFingerPrint }, body }))
    })

  group
    .command('test')
    .description('Try the key again, in every region.')
    .argument(...theProvider)
    .action(async (arnFingerPrint: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(
        session.mode,
        await session.call('testKeyProvider', { params: { arnFingerPrint } }),
        keyProviderView,
      )
    })

  addKeyCommands(group)
  addMigrationCommands(group)

  group
    .command('rm')
    .description('Delete a key provider that nothing uses.')
    .argument(...theProvider)
    .action(async (arnFingerPrint: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(
        session.mode,
        await session.call('deleteKeyProvider', { params: { arnFingerPrint } }),
        messageView,
      )
    })
}

async function createBody(options: CreateOptions, command: Command) {
  const { arn, roleArn, name, description, keyProvider, keyprovider, file } = options
  refuseSharedInput(file, command)
  if (file === undefined && (arn === undefined || name === undefined)) {
    command.error('error: --arn and --name are required, or --file')
  }
  const fromFile = file === undefined ? {} : await readJson(file)
  const fromOptions = { arn, roleArn, name, description, keyprovider: keyProvider ?? keyprovider }
  const given = Object.fromEntries(Object.entries(fromOptions).filter(([, value]) => value !== undefined))
  // What is no object in the file is the server's to refuse.
  const isObject = typeof fromFile === 'object' && fromFile !== null && !Array.isArray(fromFile)
  return requestBody('createKeyProvider', isObject ? { ...fromFile, ...given } : fromFile)
}

async function patchesOf({ op, path, value, file }: PatchOptions, command: Command): Promise<unknown> {
  refuseSharedInput(file, command)
  if (file !== undefined) {
    if (op !== undefined || path !== undefined || value !== undefined) {
      command.error('error: --file takes the place of --op, --path and --value')
    }
    return readJson(file)
  }
  if (path === undefined || value === undefined)
    command.error('error: --path and --value are required, or --file')
  return [{ op: op ?? 'replace', path, value }]
}

function refuseSharedInput(file: string | undefined, command: Command): void {
  if (file === '-' && command.optsWithGlobals<{ tokenFile?: string }>().tokenFile === '-') {
    command.error('error: --file and --token-file cannot both read standard input')
  }
}
