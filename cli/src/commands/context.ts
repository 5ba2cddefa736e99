// keyhold context …: servers with their tokens, each under a name. A token is never an argument and never shown.
import { InvalidArgumentError } from 'commander'
import { resolve } from 'node:path'
import { changeContexts, contextFile, readContexts } from '../contexts/context-file.ts'
import { parseContextName } from '../contexts/context-name.ts'
import { findContext } from '../contexts/find-context.ts'
import { isServerUrl, isTenantId, type Context, type ServerFiles } from '../contexts/parse-contexts.ts'
import { readEnvironment, readVariable } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import { askSecret } from '../input/ask-secret.ts'
import { confirm } from '../input/confirm.ts'
import { printReply, type View } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import { chooseContext } from '../session/choose-server.ts'
import { connectionTo } from '../session/connection.ts'
import { tokenInFile, usable } from '../session/read-token.ts'
import { verifyToken } from '../session/verify-token.ts'
import { command, type CommandGroup, type Invocation } from '../table/command-spec.ts'
import { argument, flag, option, optionalArgument } from '../table/input.ts'
import { contextListView, contextView, shownContext, shownContexts } from '../views/context.ts'

const theContext = argument('<name>', 'name of the context', parseContextName)

const createCommand = command({
  name: 'create',
  about: 'Keep a server and a token for it under a name, once the server has accepted the token.',
  inputs: {
    name: theContext,
    tenant: option('--tenant <id>', 'the tenant, for tokens that are bound to none', parseTenantId),
    tokenVariable: option(
      '--token-variable <name>',
      'the environment variable that holds the token; else --token-file, KEYHOLD_TOKEN, or a question',
    ),
    // Commander names it without its "no": true unless it is given.
    verify: flag('--no-verify', 'do not ask the server whether it accepts the token'),
    use: flag('--use', 'make it the current context; the first one is'),
    force: flag('--force', 'replace a context of this name'),
  },
  async run(invocation, { name, tenant, tokenVariable, verify, use, force }) {
    const { shell, globals } = invocation
    const server = serverOf(invocation)
    const token = await tokenFor(invocation, tokenVariable)
    if ((globals.clientCertificate === undefined) !== (globals.clientKey === undefined))
      invocation.refuse('--client-certificate and --client-key go together')
    if (verify) {
      const { role } = await verifyToken(connectionTo(shell, globals, server, token))
      remark(
        invocation,
        role === undefined
          ? 'the server accepts the token'
          : `the server accepts the token, of the role ${role}`,
      )
    }
    const context: Context = { server, token, ...(tenant !== undefined && { tenant }), ...filesOf(globals) }
    const file = await changeContexts(shell, (contexts) => {
      if (contexts.byName.has(name) && !force) throw nameTaken(name)
      contexts.byName.set(name, context)
      if (use || contexts.current === undefined) contexts.current = name
    })
    remark(invocation, `the token is in ${file}, which only you can read`)
  },
})

const useCommand = command({
  name: 'use',
  about: 'Make a context the current one.',
  inputs: { name: theContext },
  async run({ shell }, { name }) {
    await changeContexts(shell, (contexts) => {
      findContext(contexts, name)
      contexts.current = name
    })
  },
})

const lsCommand = command({
  name: 'ls',
  alias: 'list',
  about: 'List the contexts; * marks the current one.',
  inputs: {},
  async run(invocation) {
    print(invocation, { contexts: shownContexts(await readContexts(invocation.shell)) }, contextListView)
  },
})

const getCommand = command({
  name: 'get',
  about: 'Show one context, by default the one that commands take now.',
  inputs: { name: optionalArgument('[name]', 'name of the context') },
  async run(invocation, { name }) {
    const { shell, globals } = invocation
    const contexts = await readContexts(shell)
    const wanted = name ?? (await chooseContext(shell, globals))?.name
    if (wanted === undefined) {
      throw new CliError('configuration', 'ERR_CLI_NO_CONTEXT', 'there is no current context', {
        hint: 'keyhold context use chooses one, keyhold context create makes one',
      })
    }
    const shown = shownContext(wanted, findContext(contexts, wanted), contexts.current)
    print(invocation, { ...shown, file: contextFile(shell) ?? '' }, contextView)
    const { url } = readEnvironment(shell)
    if (url !== undefined && globals.context?.name === undefined)
      remark(invocation, 'KEYHOLD_URL is set, and counts more than this context unless --context names it')
  },
})

const rmCommand = command({
  name: 'rm',
  about: 'Remove a context with its token, which stays valid at the server.',
  inputs: { name: theContext, yes: flag('-y, --yes', 'do not ask') },
  async run({ shell }, { name, yes }) {
    findContext(await readContexts(shell), name)
    if (!yes) await confirm(shell, `remove the context ${name} with its token?`)
    await changeContexts(shell, (contexts) => {
      findContext(contexts, name)
      contexts.byName.delete(name)
      if (contexts.current === name) contexts.current = undefined
    })
  },
})

const renameCommand = command({
  name: 'rename',
  about: 'Give a context another name.',
  inputs: { name: theContext, newName: argument('<new-name>', 'its new name', parseContextName) },
  async run({ shell }, { name, newName }) {
    await changeContexts(shell, (contexts) => {
      findContext(contexts, name)
      if (contexts.byName.has(newName)) throw nameTaken(newName)
      // In its old place.
      const renamed = [...contexts.byName].map(
        ([each, context]) => [each === name ? newName : each, context] as const,
      )
      contexts.byName = new Map(renamed)
      if (contexts.current === name) contexts.current = newName
    })
  },
})

export const contextGroup: CommandGroup = {
  name: 'context',
  about: 'Servers with their tokens, each under a name.',
  commands: [createCommand, useCommand, lsCommand, getCommand, rmCommand, renameCommand],
}

function serverOf({ shell, globals, refuse }: Invocation): string {
  if (globals.context?.name !== undefined)
    return refuse('--context is for commands that use one; the name of a new one is its argument')
  const server = globals.server ?? readEnvironment(shell).url
  if (server === undefined) return refuse('--server is required, where KEYHOLD_URL is not set')
  if (!isServerUrl(server))
    return refuse('--server must be a URL with http:// or https://, without a user and a password')
  return server
}

async function tokenFor(
  { shell, globals, refuse }: Invocation,
  variable: string | undefined,
): Promise<string> {
  const { tokenFile } = globals
  if (tokenFile !== undefined) {
    if (variable !== undefined) refuse('--token-file and --token-variable cannot both be given')
    return tokenInFile(shell, tokenFile)
  }
  if (variable !== undefined) {
    // A token in its place is not repeated.
    if (!/^[A-Z_][A-Z0-9_]*$/.test(variable))
      return refuse('--token-variable takes the name of a variable, in capital letters, and no token')
    const token = readVariable(shell, variable)
    if (token === undefined)
      throw new CliError('configuration', 'ERR_CLI_NO_TOKEN', `no access token: ${variable} is not set`)
    return usable(token, variable)
  }
  const { token } = readEnvironment(shell)
  if (token !== undefined) {
    say(shell, 'the token is that of KEYHOLD_TOKEN')
    return usable(token, 'KEYHOLD_TOKEN')
  }
  if (!shell.stdin.isTTY || !shell.stderr.isTTY) {
    throw new CliError(
      'configuration',
      'ERR_CLI_NO_TOKEN',
      'no access token, and no terminal to ask for it',
      {
        hint: 'pass --token-file -, or set KEYHOLD_TOKEN',
      },
    )
  }
  return usable((await askSecret(shell, 'access token (it is not shown):')).trim(), 'the answer')
}

/** From wherever a command is run later. */
function filesOf({ caFile, clientCertificate, clientKey }: ServerFiles): ServerFiles {
  return {
    ...(caFile !== undefined && { caFile: resolve(caFile) }),
    ...(clientCertificate !== undefined && { clientCertificate: resolve(clientCertificate) }),
    ...(clientKey !== undefined && { clientKey: resolve(clientKey) }),
  }
}

function nameTaken(name: string): CliError {
  return new CliError('conflict', 'ERR_CLI_CONTEXT_EXISTS', `there is a context ${name} already`, {
    hint: 'choose another name, or remove it first: keyhold context rm',
  })
}

function print<Body>({ shell, mode }: Invocation, body: Body, view: View<Body>): void {
  printReply(shell, mode, { body, text: JSON.stringify(body) }, view)
}

function remark({ shell, mode }: Invocation, text: string): void {
  if (mode === 'text') say(shell, text)
}

function parseTenantId(text: string): string {
  if (!isTenantId(text)) throw new InvalidArgumentError('It must be the id of a tenant.')
  return text
}
