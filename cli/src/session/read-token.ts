// The access token comes from a file, standard input, the environment or a context, never from an argument, and goes to the client
// alone.
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { isToken } from '../contexts/parse-contexts.ts'
import { readEnvironment, type Environment } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import type { GlobalOptions } from '../global-options.ts'
import { decodeInput } from '../input/decode-input.ts'
import { sayWarning } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { isSameServer, shownUrl, type ChosenContext, type ChosenServer } from './choose-server.ts'

/** Whose token a command needs. */
export type Caller = 'tenant-admin' | 'operator' | 'service'

export interface FoundToken {
  token: string
  /** For people: `KEYHOLD_TOKEN`, `the context production`. */
  from: string
  /** The tenant of the context, for a token that is bound to none. */
  tenantId?: string | undefined
}

const variables: Readonly<Record<Caller, string>> = {
  'tenant-admin': 'KEYHOLD_TOKEN',
  operator: 'KEYHOLD_OPERATOR_TOKEN',
  service: 'KEYHOLD_SERVICE_TOKEN',
}

/** @throws CliError `configuration` when there is no token, or none that a header could carry */
export async function readToken(
  shell: Shell,
  { tokenFile, context: option }: Pick<GlobalOptions, 'tokenFile' | 'context'>,
  server: ChosenServer,
  caller: Caller,
): Promise<FoundToken> {
  if (tokenFile !== undefined) return { token: await tokenInFile(shell, tokenFile), from: '--token-file' }
  const ofEnvironment = option?.name === undefined ? tokenOf(readEnvironment(shell), caller) : undefined
  if (ofEnvironment !== undefined)
    return { token: usable(ofEnvironment.token, 'the environment'), from: ofEnvironment.from }
  const context = await server.context()
  if (context !== undefined && isSameServer(context.server, server.url))
    return { token: context.token, from: `the context ${context.name}`, tenantId: context.tenant }
  throw noToken(caller, server, context)
}

/** @throws CliError `configuration` with `ERR_CLI_TOKEN_FILE`, `ERR_CLI_TOKEN_INVALID` */
export async function tokenInFile(shell: Shell, file: string): Promise<string> {
  const place = file === '-' ? 'standard input' : file
  return usable(decodeInput(await readTokenFile(shell, file), file).trim(), place)
}

/** @throws CliError `configuration` with `ERR_CLI_TOKEN_INVALID` */
export function usable(token: string, place: string): string {
  if (isToken(token)) return token
  throw new CliError('configuration', 'ERR_CLI_TOKEN_INVALID', `${place} does not hold an access token`)
}

function noToken(caller: Caller, { url, from }: ChosenServer, context: ChosenContext | undefined): CliError {
  const message =
    context === undefined
      ? `no access token: ${variables[caller]} is not set`
      : `no access token for ${shownUrl(url)} of ${from}: that of the context ${context.name} is for ${context.server} alone`
  return new CliError('configuration', 'ERR_CLI_NO_TOKEN', message, {
    hint: 'run: set -a; . .keyhold/dev.env; set +a   or pass --token-file',
  })
}

function tokenOf(environment: Environment, caller: Caller): FoundToken | undefined {
  const { token, operatorToken, serviceToken } = environment
  const own = caller === 'operator' ? operatorToken : caller === 'service' ? serviceToken : token
  if (own !== undefined) return { token: own, from: variables[caller] }
  return token === undefined ? undefined : { token, from: 'KEYHOLD_TOKEN' }
}

async function readTokenFile(shell: Shell, file: string): Promise<Uint8Array> {
  if (file === '-') return buffer(shell.stdin)
  const path = resolve(shell.cwd, file)
  try {
    const found = await stat(path)
    // Windows has no such bits, and a pipe is gone when it is read.
    if (process.platform !== 'win32' && found.isFile() && (found.mode & 0o004) !== 0)
      sayWarning(shell, `every user of this machine can read ${file}; chmod 600 ends that`)
    return await readFile(path)
  } catch (cause) {
    throw new CliError('configuration', 'ERR_CLI_TOKEN_FILE', `cannot read the token file ${file}`, { cause })
  }
}
