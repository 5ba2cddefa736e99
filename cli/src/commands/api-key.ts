// keyhold api-key …: the operator's API keys. A new key is shown once, or goes into a file that only its owner can read.
import { roles, type ApiKey, type Role } from '@keyhold/client'
import { InvalidArgumentError, type Command } from 'commander'
import { rm, writeFile } from 'node:fs/promises'
import { CliError } from '../errors/cli-error.ts'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply, printStatus } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import { apiKeyListView, createdApiKeyView } from '../views/api-key.ts'

interface CreateOptions {
  role: Role
  tenant?: string
  name?: string
  keyFile?: string
}

export function addApiKeyCommands(parent: Command): void {
  const group = parent.command('api-key').description('API keys (with an operator token).')

  group
    .command('create')
    .description('Create an API key and show it once.')
    .requiredOption('--role <role>', roles.join(', '), parseRole)
    .option('--tenant <id>', 'the tenant that it is bound to; none for operators')
    .option('--name <name>', 'what people call it')
    .option('--key-file <path>', 'write the key to a new file with mode 0600 instead of showing it')
    .action(async (options: CreateOptions, command: Command) => {
      const session = await openSession(command, 'operator')
      await createApiKey(session, options, command)
    })

  group
    .command('ls')
    .alias('list')
    .description('List all API keys, never the keys themselves.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'operator')
      printReply(session.mode, await session.call('listApiKeys'), apiKeyListView)
    })

  group
    .command('rm')
    .description('Revoke an API key.')
    .argument('<id>', 'id of the API key', parsePathSegment)
    .action(async (apiKeyId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'operator')
      printStatus(session.mode, await session.call('deleteApiKey', { params: { apiKeyId } }))
    })
}

async function createApiKey(session: Session, options: CreateOptions, command: Command): Promise<void> {
  const { role, tenant, name, keyFile } = options
  const body = {
    role,
    ...(tenant === undefined ? {} : { tenantId: tenant }),
    ...(name === undefined ? {} : { name }),
  }
  if (keyFile === undefined) {
    if (session.mode === 'quiet') command.error('error: --quiet would lose the key for ever; add --key-file')
    const reply = await session.call('createApiKey', { body })
    printReply(session.mode, reply, createdApiKeyView)
    if (session.mode === 'text') say('the key is shown this once; whoever has it can use it')
    return
  }
  if (session.mode === 'json' || session.mode === 'raw') {
    command.error('error: --json and --raw show the key; leave them out, or --key-file')
  }
  // The file comes first: a key that cannot be kept must not be made.
  await writeKeyFile(keyFile, '', 'wx')
  let created: ApiKey & { key: string }
  try {
    created = (await session.call('createApiKey', { body })).body
  } catch (error) {
    await rm(keyFile, { force: true })
    throw error
  }
  const { key, ...withoutKey } = created
  await writeKeyFile(keyFile, `${key}\n`, 'w')
  printReply(session.mode, { body: withoutKey, text: '' }, createdApiKeyView)
}

async function writeKeyFile(path: string, content: string, flag: 'wx' | 'w'): Promise<void> {
  try {
    await writeFile(path, content, { flag, mode: 0o600 })
  } catch (cause) {
    throw new CliError('failed', 'ERR_CLI_FILE', `cannot write the new file ${path}`, { cause })
  }
}

function parseRole(text: string): Role {
  const role = roles.find((known) => known === text)
  if (role === undefined) throw new InvalidArgumentError(`It must be one of ${roles.join(', ')}.`)
  return role
}
