// keyhold api-key …: API keys. A new key is shown once, or goes into a file that only its owner can read.
import { givenRoles, type ApiKey, type GivenRole } from '@keyhold/client'
import { InvalidArgumentError } from 'commander'
import { rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from '../errors/cli-error.ts'
import { parseLife, parseLifeOrNone } from '../input/parse-life.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import type { Session } from '../session/open-session.ts'
import { command, type CommandGroup, type Invocation } from '../table/command-spec.ts'
import { argument, option, required } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { apiKeyListView, apiKeyView, createdApiKeyView } from '../views/api-key.ts'
import { removeApiKeyCommand } from './api-key-end.ts'

const keyFileOption = option(
  '--key-file <path>',
  'write the key to a new file with mode 0600 instead of showing it',
)
const theKey = argument('<id>', 'id of the API key', parsePathSegment)

const createCommand = command({
  name: 'create',
  about: 'Create an API key and show it once.',
  inputs: {
    role: required('--role <role>', givenRoles.join(', '), parseRole),
    tenant: option('--tenant <id>', 'the tenant that it is bound to; none for operators'),
    name: option('--name <name>', 'name for people'),
    expiresIn: option(
      '--expires-in <time>',
      'when it ends by itself, as 90d or 12h, or none; 365d for services and 90d for others when it is left out',
      parseLifeOrNone,
    ),
    scopes: option(
      '--scope <scope>',
      'what it may do of what its role may, as encrypt or encrypt:pay*; several times for several',
      several,
    ),
    addresses: option(
      '--address <network>',
      'from where it may be used, as 192.0.2.0/24; several times for several',
      several,
    ),
    keyFile: keyFileOption,
  },
  async run(invocation, { role, tenant, name, expiresIn, scopes, addresses, keyFile }) {
    const body = {
      role,
      ...(tenant !== undefined && { tenantId: tenant }),
      ...(name !== undefined && { name }),
      ...(expiresIn !== undefined && { expiresInSeconds: expiresIn }),
      ...(scopes !== undefined && { scopes }),
      ...(addresses !== undefined && { addresses }),
    }
    await show(invocation, keyFile, (session) => session.call('createApiKey', { body }))
  },
})

const rotateCommand = command({
  name: 'rotate',
  about: 'Create the successor of an API key, with the same rights, and show it once. Both work for a while.',
  inputs: {
    id: theKey,
    overlap: option(
      '--overlap <time>',
      'for how long the old key goes on working; 1d when it is left out',
      parseLife,
    ),
    expiresIn: option(
      '--expires-in <time>',
      'when the new key ends by itself, as 90d; as long as the old one was made for when it is left out',
      parseLifeOrNone,
    ),
    keyFile: keyFileOption,
  },
  async run(invocation, { id, overlap, expiresIn, keyFile }) {
    const body = {
      ...(overlap !== undefined && { overlapSeconds: overlap }),
      ...(expiresIn !== undefined && { expiresInSeconds: expiresIn }),
    }
    await show(invocation, keyFile, (session) =>
      session.call('rotateApiKey', { params: { apiKeyId: id }, body }),
    )
  },
})

interface Created {
  body: ApiKey & { key: string }
  text: string
}

async function show(
  { mode, refuse, openSession }: Invocation,
  keyFile: string | undefined,
  create: (session: Session) => Promise<Created>,
): Promise<void> {
  if (keyFile === undefined && mode === 'quiet') refuse('--quiet would lose the key for ever; add --key-file')
  if (keyFile !== undefined && (mode === 'json' || mode === 'raw'))
    refuse('--json and --raw show the key; leave them out, or --key-file')
  const session = await openSession('operator')
  if (keyFile !== undefined) {
    await createIntoFile(session, create, keyFile)
    return
  }
  session.print(await create(session), createdApiKeyView)
  session.remark('the key is shown only this once; everybody who has it can use it')
}

// The file comes first: a key that cannot be kept must not be made.
async function createIntoFile(
  session: Session,
  create: (session: Session) => Promise<Created>,
  file: string,
): Promise<void> {
  const path = resolve(session.shell.cwd, file)
  const write = async (content: string, flag: 'wx' | 'w') => {
    try {
      await writeFile(path, content, { flag, mode: 0o600 })
    } catch (cause) {
      const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST'
      const why = exists ? ': it exists already, and may hold a key' : ''
      throw new CliError('failed', 'ERR_CLI_FILE', `cannot write the new file ${file}${why}`, { cause })
    }
  }
  await write('', 'wx')
  let created: ApiKey & { key: string }
  try {
    created = (await create(session)).body
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
  about: "API keys (with an operator's token, or that of a tenant admin for its tenant).",
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
      name: 'rename',
      about: 'Give an API key another name.',
      as: 'operator',
      route: 'renameApiKey',
      path: { apiKeyId: theKey },
      body: { name: argument('<name>', 'name for people') },
      view: apiKeyView,
    }),
    rotateCommand,
    removeApiKeyCommand,
  ],
}

function several(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

function parseRole(text: string): GivenRole {
  const role = givenRoles.find((known) => known === text)
  if (role === undefined) throw new InvalidArgumentError(`It must be one of ${givenRoles.join(', ')}.`)
  return role
}
