// The access token comes from a file, standard input or the environment, never from an argument, and goes to the client
// alone.
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { readEnvironment, type Environment } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import { decodeInput } from '../input/decode-input.ts'
import { sayWarning } from '../output/say.ts'
import type { Shell } from '../shell.ts'

/** Whose token a command needs. */
export type Caller = 'tenant-admin' | 'operator' | 'service'

const variables: Readonly<Record<Caller, string>> = {
  'tenant-admin': 'KEYHOLD_TOKEN',
  operator: 'KEYHOLD_OPERATOR_TOKEN',
  service: 'KEYHOLD_SERVICE_TOKEN',
}

/** @throws CliError `configuration` when there is no token, or none that a header could carry */
export async function readToken(shell: Shell, file: string | undefined, caller: Caller): Promise<string> {
  const token =
    file === undefined
      ? tokenOf(readEnvironment(shell), caller)
      : decodeInput(await readTokenFile(shell, file), file).trim()
  if (token === undefined) {
    throw new CliError(
      'configuration',
      'ERR_CLI_NO_TOKEN',
      `no access token: ${variables[caller]} is not set`,
      { hint: 'run: set -a; . .keyhold/dev.env; set +a   or pass --token-file' },
    )
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    const place = file === undefined ? 'the environment' : file === '-' ? 'standard input' : file
    throw new CliError('configuration', 'ERR_CLI_TOKEN_INVALID', `${place} does not hold an access token`)
  }
  return token
}

function tokenOf({ token, operatorToken, serviceToken }: Environment, caller: Caller): string | undefined {
  if (caller === 'operator') return operatorToken ?? token
  return caller === 'service' ? (serviceToken ?? token) : token
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
