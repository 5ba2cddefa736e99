// The options that every command takes, before or after its name.
import { InvalidArgumentError, Option, type Command } from 'commander'
import { isContextName } from './contexts/context-name.ts'
import { parseSeconds } from './input/parse-seconds.ts'
import { wholeNumber } from './input/whole-number.ts'

export type OutputMode = 'text' | 'json' | 'raw' | 'quiet'

export interface GlobalOptions {
  server?: string
  context?: ContextOption
  tokenFile?: string
  caFile?: string
  clientCertificate?: string
  clientKey?: string
  insecure?: true
  headers?: Record<string, string>
  json?: true
  raw?: true
  quiet?: true
  retry: number
  interval: number
  verbose?: true
}

/** `--context NAME` on every command, and `--context KEY=VALUE` on those that encrypt: no name has a `=`. */
export interface ContextOption {
  name?: string
  pairs: Readonly<Record<string, string>>
}

export function addGlobalOptions(program: Command): void {
  program
    .option('-s, --server <url>', 'the server, instead of KEYHOLD_URL')
    .option(
      '--context <name>',
      'the context of this name, instead of KEYHOLD_CONTEXT or the current one',
      addContext,
    )
    .option('--token-file <path>', 'read the access token from a file, or with - from standard input')
    .option('--ca-file <path>', "trust the certificate authorities in this file, besides Node's")
    .option('--client-certificate <path>', 'show this certificate to the server, in PEM; needs --client-key')
    .option('--client-key <path>', 'the key of --client-certificate, in PEM without a passphrase')
    .option('--insecure', 'allow plain http to other machines, and certificates that cannot be verified')
    .option('--headers <name=value>', 'add a header to every request; repeatable', addHeaders)
    .addOption(new Option('--json', "print the server's JSON and nothing else").conflicts(['raw', 'quiet']))
    .addOption(new Option('--raw', 'print the body as it came').conflicts('quiet'))
    .option('-q, --quiet', 'print ids only')
    .option(
      '--retry <times>',
      'try again when the server is away or busy, at most 10 times; a change only if nothing was done',
      wholeNumber(0, 10),
      0,
    )
    .option('--interval <seconds>', 'pause between tries, and between the polls of --wait', parseSeconds, 1)
    .option('-v, --verbose', 'name every request on standard error')
  // A token on the command line stands in the shell's history and in every process list.
  for (const name of ['token', 'api-key']) {
    const refused = new Option(`--${name} [secret]`).hideHelp()
    program.addOption(refused)
    program.hook('preAction', (_program, command) => {
      if (program.getOptionValue(refused.attributeName()) === undefined) return
      command.error(
        `error: --${name} would show the token to every user of this machine; use KEYHOLD_TOKEN or --token-file`,
      )
    })
  }
  // An option that a command declares itself is found here first, and its help is the command's.
  program.hook('preAction', (_program, command) => {
    const { context } = program.opts<GlobalOptions>()
    const [pair] = Object.keys(context?.pairs ?? {})
    if (pair === undefined || command.options.some(({ long }) => long === '--context')) return
    command.error('error: --context takes the name of a context here; KEY=VALUE is for encrypt and decrypt')
  })
}

export function outputMode(options: Pick<GlobalOptions, 'json' | 'raw' | 'quiet'>): OutputMode {
  if (options.json) return 'json'
  if (options.raw) return 'raw'
  return options.quiet ? 'quiet' : 'text'
}

function addContext(text: string, { name, pairs }: ContextOption = { pairs: {} }): ContextOption {
  const at = text.indexOf('=')
  if (at < 0 && isContextName(text)) {
    if (name !== undefined && name !== text) throw new InvalidArgumentError('There can be only one.')
    return { name: text, pairs }
  }
  if (at < 1)
    throw new InvalidArgumentError('It must be the name of a context, or key=value for encrypt and decrypt.')
  const key = text.slice(0, at)
  if (Object.hasOwn(pairs, key)) throw new InvalidArgumentError(`The key ${key} is there twice.`)
  return { ...(name !== undefined && { name }), pairs: { ...pairs, [key]: text.slice(at + 1) } }
}

const ownHeaders = ['authorization', 'keyhold-tenant', 'content-type', 'accept']

// Also `a=1,b=2` in one argument, as the original takes it; a comma inside a value stays.
function addHeaders(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const added = { ...previous }
  for (const pair of text.split(/,(?=[^,=]+=)/)) {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value))
      throw new InvalidArgumentError('It must be name=value.')
    if (ownHeaders.includes(name.toLowerCase()))
      throw new InvalidArgumentError(`The header ${name.toLowerCase()} is not for --headers.`)
    added[name] = value
  }
  return added
}
