// Contexts: servers and tokens under names, in a file that only its owner can use.
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { serve } from '../../../testkit/src/http/serve.ts'
import { keyhold } from '../run-keyhold.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const token = 'token-of-the-admin'

/** A server that lists no key providers to its own token, and remembers the tokens that came. */
async function startServer(accepted = token) {
  const tokens: (string | undefined)[] = []
  const url = await serve((request, response) => {
    const given = request.headers.authorization?.replace('Bearer ', '')
    tokens.push(given)
    if (given !== accepted) {
      response.writeHead(401).end('{"errors":[{"code":"ERR_UNAUTHENTICATED","title":"No."}],"traceId":"t"}')
    } else if (request.url?.startsWith('/api/v1/tenants') === true) {
      response.writeHead(403).end('{"errors":[{"code":"ERR_FORBIDDEN","title":"No."}],"traceId":"t"}')
    } else response.end('[]')
  })
  return { url, tokens }
}

async function home() {
  const folder = await temporaryFolder()
  const file = join(folder, 'keyhold', 'contexts.json')
  const run = (line: string, place: { env?: Record<string, string>; stdin?: string; isTTY?: boolean } = {}) =>
    keyhold(line.split(' '), { cwd: folder, ...place, env: { XDG_CONFIG_HOME: folder, ...place.env } })
  const create = (name: string, url: string, more = '') =>
    run(`context create ${name} -s ${url} --token-file -${more}`, { stdin: `${token}\n` })
  return { folder, file, run, create }
}

const contextsOf = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as unknown

test('a context is made once the server accepts its token, and commands use it', async () => {
  const { url, tokens } = await startServer()
  const { file, run, create } = await home()
  const made = await create('prod', url)
  expect(made).toMatchObject({ exit: 0, stdout: '' })
  expect(made.stderr).toBe(
    `keyhold: the server accepts the token, of the role tenant-admin\nkeyhold: the token is in ${file}, which only you can read\n`,
  )
  expect([(await stat(file)).mode & 0o777, (await stat(dirname(file))).mode & 0o777]).toEqual([0o600, 0o700])
  expect(await readdir(dirname(file))).toEqual(['contexts.json'])
  expect(await contextsOf(file)).toEqual({
    format: 1,
    current: 'prod',
    contexts: { prod: { server: url, token } },
  })
  expect(await run('keyprovider ls -q')).toEqual({ stdout: '', stderr: '', exit: 0 })
  expect(new Set(tokens)).toEqual(new Set([token]))
})

test('a token that the server does not know is not kept', async () => {
  const { url } = await startServer('another')
  const { folder, create } = await home()
  expect(await create('prod', url)).toMatchObject({ exit: 5 })
  expect(await readdir(folder)).toEqual([])
  expect(await create('prod', url, ' --no-verify')).toMatchObject({ exit: 0 })
})

test('use, ls, get, rename and rm', async () => {
  const { url } = await startServer()
  const { file, run, create } = await home()
  await create('prod', url)
  await create('test', url, ' --no-verify --tenant acme')
  expect((await run('context ls')).stdout).toBe(
    `   NAME  ${'SERVER'.padEnd(url.length)}  TENANT\n*  prod  ${url}\n   test  ${url}  acme\n`,
  )
  expect(await run('context use test')).toEqual({ stdout: '', stderr: '', exit: 0 })
  const shown = JSON.parse((await run('context get --json')).stdout) as unknown
  expect(shown).toEqual({ name: 'test', server: url, tenant: 'acme', isCurrent: true, file })
  expect(await run('context rename test staging')).toMatchObject({ exit: 0 })
  expect((await run('context ls -q')).stdout).toBe('prod\nstaging\n')
  expect(await run('context rename prod staging')).toMatchObject({ exit: 8 })
  expect(await run('context rm staging')).toMatchObject({ exit: 2 })
  expect(await run('context rm staging -y')).toMatchObject({ exit: 0 })
  const none = await run('context get')
  expect(none.stderr).toContain('there is no current context (ERR_CLI_NO_CONTEXT)')
  expect(none.exit).toBe(3)
  expect(await create('prod', url)).toMatchObject({ exit: 8 })
  expect(await create('prod', url, ' --force')).toMatchObject({ exit: 0 })
})

test('a terminal is asked for the token, and does not show it', async () => {
  const { url } = await startServer()
  const { file, run } = await home()
  const place = { stdin: `${token}\n`, isTTY: true }
  const made = await run(`context create prod -s ${url}`, place)
  expect(made.stderr).toContain('keyhold: access token (it is not shown): \n')
  expect(made.stdout + made.stderr).not.toContain(token)
  expect(await contextsOf(file)).toMatchObject({ contexts: { prod: { token } } })
  const silent = await run(`context create other -s ${url}`)
  expect(silent.stderr).toContain('no access token, and no terminal to ask for it (ERR_CLI_NO_TOKEN)')
})

test('a token comes from a variable, never from an argument', async () => {
  const { url } = await startServer()
  const { run } = await home()
  const of = (name: string) => ({ env: { [name]: token } })
  expect(await run(`context create a -s ${url}`, of('KEYHOLD_TOKEN'))).toMatchObject({ exit: 0 })
  expect(await run(`context create b -s ${url} --token-variable MINE`, of('MINE'))).toMatchObject({ exit: 0 })
  expect(await run(`context create c -s ${url} --token ${token}`)).toMatchObject({ exit: 2 })
  const asVariable = await run(`context create c -s ${url} --token-variable kh_secret`)
  expect(asVariable.stderr).toContain('takes the name of a variable')
  const asWord = await run(`context create c kh_secret -s ${url}`)
  expect(asWord).toMatchObject({ exit: 2 })
  expect(asWord.stderr).toContain('too many arguments')
  expect(asVariable.stderr + asWord.stderr).not.toContain('kh_secret')
  expect(await run(`context create c -s https://me:secret@keyhold.example --token-file -`)).toMatchObject({
    exit: 2,
  })
})

describe('which server and which token', () => {
  const scene = async () => {
    const [one, two] = [await startServer(), await startServer()]
    const { run, create } = await home()
    await create('one', one.url)
    await create('two', two.url)
    const asked = async (line: string, env: Record<string, string> = {}) => {
      for (const { tokens } of [one, two]) tokens.length = 0
      const { exit, stderr } = await run(line, { env })
      return { exit, stderr, one: one.tokens[0], two: two.tokens[0] }
    }
    return { one, two, asked }
  }

  test('a flag counts more than the environment, and the environment more than the current context', async () => {
    const { one, two, asked } = await scene()
    const line = 'keyprovider ls -q'
    expect(await asked(line)).toMatchObject({ one: token, two: undefined })
    expect(await asked(line, { KEYHOLD_CONTEXT: 'two' })).toMatchObject({ one: undefined, two: token })
    const environment = { KEYHOLD_URL: one.url, KEYHOLD_TOKEN: 'of-the-environment' }
    expect(await asked(line, { ...environment, KEYHOLD_CONTEXT: 'two' })).toMatchObject({
      one: 'of-the-environment',
      two: undefined,
    })
    expect(await asked(`${line} --context two`, environment)).toMatchObject({ one: undefined, two: token })
    expect(await asked(`${line} -s ${two.url} --context two`)).toMatchObject({ exit: 0, two: token })
  })

  test("a context's token goes to its own server alone", async () => {
    const { two, asked } = await scene()
    const refused = { exit: 3, one: undefined, two: undefined }
    const byFlag = await asked(`keyprovider ls -s ${two.url}`)
    expect(byFlag).toMatchObject(refused)
    expect(byFlag.stderr).toContain('that of the context one is for')
    expect(await asked('keyprovider ls', { KEYHOLD_URL: two.url })).toMatchObject(refused)
    expect(await asked(`keyprovider ls --context one -s ${two.url}`)).toMatchObject(refused)
    expect(await asked('keyprovider ls', { KEYHOLD_URL: `${two.url}.evil.example` })).toMatchObject({
      one: undefined,
      two: undefined,
    })
  })

  test('encrypt takes both: a name, and pairs that the content is bound to', async () => {
    const { asked } = await scene()
    const named = await asked('encrypt --value --context two --context a=b')
    expect(named).toMatchObject({ one: undefined, two: token })
    const forgotten = await asked('encrypt --value --context pathreports')
    expect(forgotten).toMatchObject({ exit: 3, one: undefined, two: undefined })
    expect(forgotten.stderr).toContain('there is no context pathreports')
  })

  test('a context that is not there is an error, and KEY=VALUE is for encrypt and decrypt', async () => {
    const { asked } = await scene()
    const missing = await asked('keyprovider ls --context three')
    expect(missing.stderr).toBe(
      'keyhold: error: there is no context three (ERR_CLI_NO_CONTEXT)\nkeyhold: hint: the contexts are one, two; keyhold context create makes one\n',
    )
    expect(missing.exit).toBe(3)
    const pair = await asked('keyprovider ls --context a=b')
    expect(pair.stderr).toContain('--context takes the name of a context here')
    expect(pair.exit).toBe(2)
    expect(await asked('keyprovider ls --context one --context two')).toMatchObject({ exit: 2 })
  })
})

describe('a file that cannot be trusted', () => {
  const good = (url: string, more: object = {}) =>
    JSON.stringify({ format: 1, current: 'a', contexts: { a: { server: url, token, ...more } } })

  async function withFile(content: string, change: (file: string, folder: string) => Promise<void>) {
    const { url, tokens } = await startServer()
    const { file, folder, run } = await home()
    await mkdir(dirname(file), { mode: 0o700 })
    await writeFile(file, content.replaceAll('$URL', url), { mode: 0o600 })
    await change(file, folder)
    const outcome = await run('keyprovider ls -q')
    return { ...outcome, tokens, run, url }
  }

  const asIs = () => Promise.resolve()

  test.each<[string, string, (file: string, folder: string) => Promise<void>, string]>([
    [
      'others can read it',
      good('$URL'),
      (file) => chmod(file, 0o640),
      'other users of this machine can use it',
    ],
    [
      'others can change its folder',
      good('$URL'),
      (file) => chmod(dirname(file), 0o777),
      'can be changed by other users',
    ],
    ['it is no JSON', `{"contexts": "${token}`, asIs, 'holds no JSON'],
    ['it is no file of contexts', '{"a":1}', asIs, 'is not a file of contexts'],
    ['a newer keyhold wrote it', '{"format":2}', asIs, 'was written by a newer keyhold'],
    [
      'a name steers the terminal',
      good('$URL').replaceAll('"a"', '"\\u001b[2J"'),
      asIs,
      'whose name cannot be one',
    ],
    ['a name is __proto__', good('$URL').replaceAll('"a"', '"__proto__"'), asIs, 'whose name cannot be one'],
    ['a token is none', good('$URL', { token: 'a\nb' }), asIs, 'has no usable token for the context a'],
    ['a server is none', good('file:///etc/passwd'), asIs, 'has no usable server for the context a'],
    ['a tenant is none', good('$URL', { tenant: '../b' }), asIs, 'has no usable tenant for the context a'],
    [
      'its current context is not there',
      good('$URL').replace('"current":"a"', '"current":"b"'),
      asIs,
      'that it does not have',
    ],
    [
      'it is a folder',
      good('$URL'),
      (file) =>
        import('node:fs/promises').then(async ({ rm }) => {
          await rm(file)
          await mkdir(file, { mode: 0o700 })
        }),
      'is not a file',
    ],
    ['it is endless', ' '.repeat(1_048_577), asIs, 'is too large'],
  ])('%s', async (_name, content, change, said) => {
    const { stderr, exit, tokens } = await withFile(content, change)
    expect(stderr).toContain(said)
    expect(stderr).toContain('(ERR_CLI_CONTEXT_FILE)')
    expect(stderr).not.toContain(token)
    expect(stderr).not.toContain('\x1b')
    expect([exit, tokens]).toEqual([3, []])
  })

  test('a link in its place is neither followed nor replaced', async () => {
    const { stderr, run, url } = await withFile(good('$URL'), async (file, folder) => {
      const { rename } = await import('node:fs/promises')
      await rename(file, join(folder, 'elsewhere'))
      await symlink(join(folder, 'elsewhere'), file)
    })
    expect(stderr).toContain('is a symbolic link')
    const made = await run(`context create b -s ${url} --token-file -`, { stdin: token })
    expect(made).toMatchObject({ exit: 3 })
  })

  test('does not matter where flags and variables say everything', async () => {
    const { run, url } = await withFile('junk', asIs)
    const env = { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }
    expect(await run('keyprovider ls -q', { env })).toMatchObject({ exit: 0, stderr: '' })
  })
})

test('many writers at once lose nothing, and a lock that was left behind is named', async () => {
  const { file, run, create } = await home()
  const names = Array.from({ length: 12 }, (_, index) => `c${index}`)
  const made = await Promise.all(names.map((name) => create(name, 'http://127.0.0.1:9', ' --no-verify')))
  expect(new Set(made.map(({ exit }) => exit))).toEqual(new Set([0]))
  expect((await run('context ls -q')).stdout.trim().split('\n').toSorted()).toEqual(names.toSorted())
  await writeFile(`${file}.lock`, '')
  const locked = await run('context use c1')
  expect(locked.stderr).toContain(`if there is none, one was killed: remove ${file}.lock`)
  expect(locked.exit).toBe(8)
})
