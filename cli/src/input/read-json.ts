// Request bodies from files and options. They are passed on as they are: the server is the judge of them.
import type { RequestBody, RouteId } from '@keyhold/client'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { CliError } from '../errors/cli-error.ts'

/** The one place where what somebody wrote becomes a typed body. */
export function requestBody<Id extends RouteId>(_routeId: Id, value: unknown): RequestBody<Id> {
  return value as RequestBody<Id>
}

/** @throws CliError `usage` when the file cannot be read or holds no JSON. */
export async function readJson(file: string): Promise<unknown> {
  let content: string
  try {
    content = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'))
  } catch (cause) {
    throw new CliError('usage', 'ERR_CLI_FILE', `cannot read ${file}`, { cause })
  }
  try {
    return JSON.parse(content)
  } catch (cause) {
    throw new CliError('usage', 'ERR_CLI_FILE', `${file === '-' ? 'standard input' : file} holds no JSON`, {
      cause,
    })
  }
}
