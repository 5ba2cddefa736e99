// Which server a command talks to, and with whose token. A flag counts more than the environment, and the environment more than a
// context; a context that a flag names counts as a flag.
import { findContext } from '../contexts/find-context.ts'
import type { Context, ServerFiles } from '../contexts/parse-contexts.ts'
import { readContexts } from '../contexts/context-file.ts'
import { readEnvironment } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import type { GlobalOptions } from '../global-options.ts'
import type { Shell } from '../shell.ts'

/** A context, and how it was chosen. */
export interface ChosenContext extends Context {
  name: string
  by: 'flag' | 'environment' | 'current'
}

export interface ChosenServer {
  url: string
  /** For people: `KEYHOLD_URL`, `the context production`. */
  from: string
  /** Those that options name count more than those of a context, which are for its own server alone. */
  files: ServerFiles
  /** Looks for a context when it is needed: a file that cannot be read is no matter where flags and variables say everything. */
  context: () => Promise<ChosenContext | undefined>
}

type Choice = Pick<GlobalOptions, 'server' | 'context' | keyof ServerFiles>

/** @throws CliError `configuration` without a server, or for a context that is not there */
export async function chooseServer(shell: Shell, options: Choice): Promise<ChosenServer> {
  const named = options.context?.name === undefined ? undefined : await chooseContext(shell, options)
  const { url } = readEnvironment(shell)
  const context = named === undefined ? () => chooseContext(shell, options) : () => Promise.resolve(named)
  if (options.server !== undefined) {
    const isOfContext = named !== undefined && isSameServer(named.server, options.server)
    const files = filesOf(options, isOfContext ? named : {})
    return { url: options.server, from: '--server', files, context }
  }
  if (named === undefined && url !== undefined)
    return { url, from: 'KEYHOLD_URL', files: filesOf(options, {}), context }
  const chosen = await context()
  if (chosen !== undefined) {
    const files = filesOf(options, chosen)
    return { url: chosen.server, from: `the context ${chosen.name}`, files, context }
  }
  throw new CliError('configuration', 'ERR_CLI_NO_URL', 'no server: KEYHOLD_URL is not set', {
    hint: 'run: set -a; . .keyhold/dev.env; set +a   or pass --server, or make a context: keyhold context create --help',
  })
}

function filesOf(options: ServerFiles, context: ServerFiles): ServerFiles {
  const caFile = options.caFile ?? context.caFile
  // A certificate goes with its own key.
  const isNamed = options.clientCertificate !== undefined || options.clientKey !== undefined
  const { clientCertificate, clientKey } = isNamed ? options : context
  return {
    ...(caFile !== undefined && { caFile }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
  }
}

/** @throws CliError `configuration` with `ERR_CLI_NO_CONTEXT`, `ERR_CLI_CONTEXT_FILE` */
export async function chooseContext(
  shell: Shell,
  { context: option }: Pick<GlobalOptions, 'context'>,
): Promise<ChosenContext | undefined> {
  const ofEnvironment = readEnvironment(shell).context
  const contexts = await readContexts(shell)
  const name = option?.name ?? ofEnvironment ?? contexts.current
  if (name === undefined) return undefined
  const by = option?.name !== undefined ? 'flag' : ofEnvironment !== undefined ? 'environment' : 'current'
  return { ...findContext(contexts, name), name, by }
}

/** Whether two URLs are those of one server. A token of a context goes to its own server alone. */
export function isSameServer(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && shape(one) === shape(other)
}

/** A URL for people: without a user and a password, which no server needs, and which some have all the same. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return 'no URL'
  const url = new URL(text)
  return url.origin === 'null' ? 'no URL of a server' : shape(text)
}

function shape(text: string): string {
  const { origin, pathname } = new URL(text)
  return origin + pathname.replace(/\/+$/, '')
}
