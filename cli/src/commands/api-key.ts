// keyhold api-key …: the operator's API keys. A new key is shown once, or goes into a file that only its owner can read.
import { roles, type ApiKey, type RequestBody, type Role } from '@keyhold/client'
import { InvalidArgumentError } from 'commander'
import { rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from '../errors/cli-error.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import type { Session } from '../session/open-session.ts'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { argument, option, required } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { apiKeyListView, createdApiKeyView } from '../views/api-key.ts'

const createCommand = command({
  name: 'create',
  about: 'Create an API key and show it once.',
  inputs: {
    role: required('--role <role>', roles.join(', '), parseRole),
    tenant: option('--tenant <id>', 'the tenant that it is bound to; none for operators'),
    name: option('--name <name>', 'name for people'),
    keyFile: option('--key-file <path>', 'write the key to a new file with mode 0600 instead of showing it'),
  },
  async run({ mode, refuse, openSession }, { role, tenant, name, keyFile }) {
    if (keyFile === undefined && mode === 'quiet')
      refuse('--quiet would lose the key for ever; add --key-file')
    if (keyFile !== undefined && (mode === 'json' || mode === 'raw'))
      refuse('--json and --raw show the key; leave them out, or --key-file')
    const session = await openSession('operator')
    const body = {
      role,
      ...(tenant !== undefined && { tenantId: tenant }),
      ...(name !== undefined && { name }),
    }
    if (keyFile !== undefined) {
      await createIntoFile(session, body, keyFile)
      return
    }
    session.print(await session.call('createApiKey', { body }), createdApiKeyView)
    session.remark('the key is shown only this once; everybody who has it can use it')
  },
})

// The file comes first: a key that cannot be kept must not be made.
async function createIntoFile(
  session: Session,
  body: RequestBody<'createApiKey'>,
  file: string,
): Promise<void> {
  const path = resolve(session.shell.cwd, file)
  const write = async (content: string, flag: 'wx' | 'w') => {
    try {
      await writeFile(path, content, { flag, mode: 0o600 })
    } catch (cause) {
      throw new CliError('failed', 'ERR_CLI_FILE', `cannot write the new file ${file}`, { cause })
    }
  }
  await write('', 'wx')
  let created: ApiKey & { key: string }
  try {
    created = (await session.call('createApiKey', { body })).body
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  const { key, ...withoutKey } = created
  await write(`${key}\n`, 'w')
  session.printBody(withoutKey, createdApiKeyView)
}

export const apiKeyGroup: CommandGroup = {
  name: 'api-key',
  about: 'API keys (with an operator token).',
  commands: [
    createCommand,
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List all API keys, never the keys themselves.',
      as: 'operator',
      route: 'listApiKeys',
      view: apiKeyListView,
    }),
    plain({
      name: 'rm',
      about: 'Revoke an API key.',
      as: 'operator',
      route: 'deleteApiKey',
      path: { apiKeyId: argument('<id>', 'id of the API key', parsePathSegment) },
      view: 'status',
    }),
  ],
}

function parseRole(text: string): Role {
  const role = roles.find((known) => known === text)
  if (role === undefined) throw new InvalidArgumentError(`It must be one of ${roles.join(', ')}.`)
  return role
}
