// Where the access token comes from: a file, standard input or the environment, never an argument; and it goes nowhere
// but into the client.
import { readFile, stat } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { CliError } from '../errors/cli-error.ts'
import type { Environment } from '../environment.ts'
import { sayWarning } from '../output/say.ts'

/** Whose token a command needs. */
export type Caller = 'tenant-admin' | 'operator' | 'service'

const variables: Readonly<Record<Caller, string>> = {
  'tenant-admin': 'KEYHOLD_TOKEN',
  operator: 'KEYHOLD_OPERATOR_TOKEN',
  service: 'KEYHOLD_SERVICE_TOKEN',
}

/** @throws CliError `configuration` when there is none, or none that a header could carry. */
export async function readToken(
  file: string | undefined,
  environment: Environment,
  caller: Caller,
): Promise<string> {
  const token = file === undefined ? tokenOf(environment, caller) : (await readTokenFile(file)).trim()
  if (token === undefined) {
    throw new CliError(
      'configuration',
      'ERR_CLI_NO_TOKEN',
      `no access token: ${variables[caller]} is not set`,
      {
        hint: 'run: set -a; . .keyhold/dev.env; set +a   or pass --token-file',
      },
    )
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    const place = file === undefined ? 'the environment' : file === '-' ? 'standard input' : file
    throw new CliError('configuration', 'ERR_CLI_TOKEN_INVALID', `what ${place} holds is not an access token`)
  }
  return token
}

function tokenOf({ token, operatorToken, serviceToken }: Environment, caller: Caller): string | undefined {
  if (caller === 'operator') return operatorToken ?? token
  return caller === 'service' ? (serviceToken ?? token) : token
}

async function readTokenFile(file: string): Promise<string> {
  if (file === '-') return text(process.stdin)
  try {
    const found = await stat(file)
    // Windows has no such bits, and pipes are not kept.
    if (process.platform !== 'win32' && found.isFile() && (found.mode & 0o004) !== 0) {
      sayWarning(`every user of this machine can read ${file}; chmod 600 ends that`)
    }
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new CliError('configuration', 'ERR_CLI_TOKEN_FILE', `cannot read the token file ${file}`, { cause })
  }
}
