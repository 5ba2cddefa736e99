// The form of test/scripts/*.txt. Each line begins with a sign and a blank:
//
//   == title of the case
//   + file content        a file beforehand; ? file content: a file afterwards
//   > GET /path {"a":1}   a request that the server expects, and its body; then `> name: value`, a header of it
//   < 200 {"b":2}         the reply; then `< name: value`, a header of it
//   $ A=b keyhold …       the command, with variables; '…' quotes; @ standard input
//   | standard output     \ it ends without a line end
//   ! standard error      = exit code, 0 when left out
//
// $URL stands for the server's address; every case has KEYHOLD_URL and both tokens unless it sets them itself.
import type { Exchange } from './scripted-server.ts'

export interface Case {
  title: string
  files: [name: string, content: string][]
  filesAfter: [name: string, content: string][]
  exchanges: Exchange[]
  env: Record<string, string>
  args: string[]
  stdin: string
  stdout: string
  stderr: string
  exit: number
}

export function parseScript(script: string): Case[] {
  const cases: Case[] = []
  for (const line of script.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const sign = line.slice(0, 1)
    const rest = line.slice(2)
    if (line.startsWith('== ')) cases.push(emptyCase(line.slice(3)))
    const current = cases.at(-1)
    if (current === undefined) throw new Error(`before the first case: ${line}`)
    const exchange = current.exchanges.at(-1)
    const header = /^([a-z-]+): (.*)$/.exec(rest)
    if (line.startsWith('== ')) continue
    else if (sign === '+') current.files.push(split(rest))
    else if (sign === '?') current.filesAfter.push(split(rest))
    else if (sign === '>' && header !== null) addHeader(exchange, 'requestHeaders', header)
    else if (sign === '<' && header !== null) addHeader(exchange, 'replyHeaders', header)
    else if (sign === '>') current.exchanges.push(requestOf(rest))
    else if (sign === '<' && exchange !== undefined) {
      const [status, reply] = split(rest)
      exchange.status = Number(status)
      exchange.reply = reply
    } else if (sign === '$') Object.assign(current, commandOf(rest))
    else if (sign === '@') current.stdin += `${rest}\n`
    else if (sign === '|') current.stdout += `${rest}\n`
    else if (sign === '\\') current.stdout = current.stdout.trimEnd()
    else if (sign === '!') current.stderr += `${rest}\n`
    else if (sign === '=') current.exit = Number(rest)
    else throw new Error(`not understood: ${line}`)
  }
  return cases
}

function emptyCase(title: string): Case {
  return {
    title,
    files: [],
    filesAfter: [],
    exchanges: [],
    env: {},
    args: [],
    stdin: '',
    stdout: '',
    stderr: '',
    exit: 0,
  }
}

function split(text: string): [string, string] {
  const [first = ''] = text.split(' ', 1)
  return [first, text.slice(first.length + 1)]
}

function requestOf(text: string): Exchange {
  const [method, afterMethod] = split(text)
  const [path, body] = split(afterMethod)
  const exchange: Exchange = { request: `${method} ${path}`, status: 0 }
  if (body !== '') exchange.requestBody = JSON.parse(body)
  return exchange
}

function addHeader(
  exchange: Exchange | undefined,
  side: 'requestHeaders' | 'replyHeaders',
  [, name = '', value = '']: RegExpExecArray,
): void {
  if (exchange === undefined) throw new Error(`a header before its request: ${name}`)
  exchange[side] = { ...exchange[side], [name]: value }
}

function commandOf(text: string): Pick<Case, 'env' | 'args'> {
  const words = Array.from(text.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
  const start = words.indexOf('keyhold')
  const env = words.slice(0, start).map((word) => word.split('=', 2))
  return { env: Object.fromEntries(env) as Record<string, string>, args: words.slice(start + 1) }
}
