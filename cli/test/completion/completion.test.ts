// Completions, as shells ask for them.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serve } from '../../../testkit/src/http/serve.ts'
import { splitLine } from '../../src/completion/split-line.ts'
import { keyhold } from '../run-keyhold.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const token = 'token-of-the-admin'

async function complete(
  words: string[],
  env: Record<string, string> = {},
  shell = 'fish',
): Promise<string[]> {
  const { stdout, stderr, exit } = await keyhold(['__complete', shell, '--', ...words], { env })
  expect([stderr, exit]).toEqual(['', 0])
  return stdout.trimEnd().split('\n')
}

const values = async (...[words, env]: Parameters<typeof complete>) =>
  (await complete(words, env)).map((line) => line.split('\t')[0])

test.each<[string[], string[]]>([
  [['keyp'], ['keyprovider']],
  [['context', 're'], ['rename']],
  [['--json', 'context', 're'], ['rename']],
  [['-s', 'context', 'data-key', 's'], ['set-minimum-version']],
  [['encryption', 'keyprovider', 'migration'], ['migration-details']],
  [
    ['keyprovider', 'migrate', '--wa'],
    ['--wait', '--watch'],
  ],
  [['keyprovider', 'policy', '--format', 'g'], ['grants']],
  [['keyprovider', 'policy', '--format=g'], ['--format=grants']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['encrypt', ''], [':files']],
  [['tenant', 'ls', '--token-file', ''], [':files']],
  [['encrypt', '--', '--'], [':files']],
  [['audit', 'verify', 'x', ''], ['']],
  [['nothing', 'at', ''], ['']],
])('%j', async (words, expected) => {
  expect(await values(words)).toEqual(expected)
})

test('bash gets what follows the last "=", and the line may have quotes', async () => {
  expect(await complete(['keyhold keyprovider policy --format=tr'], {}, 'bash')).toEqual(['trust-policy'])
  expect(splitLine(`keyhold a 'b c'"d" e\\ f g`)).toEqual(['keyhold', 'a', 'b cd', 'e f', 'g'])
  expect(splitLine('keyhold "$(touch x)" `y` ')).toEqual(['keyhold', '$(touch x)', '`y`', ''])
})

test('contexts come from their file', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'keyhold'), { mode: 0o700 })
  const contexts = {
    prod: { server: 'https://a.example', token },
    test: { server: 'https://b.example', token },
  }
  await writeFile(join(folder, 'keyhold/contexts.json'), JSON.stringify({ format: 1, contexts }), {
    mode: 0o600,
  })
  const env = { XDG_CONFIG_HOME: folder }
  expect(await complete(['context', 'use', ''], env)).toEqual([
    'prod\thttps://a.example',
    'test\thttps://b.example',
  ])
  expect(await values(['tenant', 'ls', '--context', 'p'], env)).toEqual(['prod'])
  expect(await values(['tenant', 'ls', '--context=p'], env)).toEqual(['--context=prod'])
  expect(await values(['context', 'create', ''], env)).toEqual([''])
})

test('key providers and tenants come from the server, and nothing in them is obeyed', async () => {
  const asked: string[] = []
  const url = await serve((request, response) => {
    asked.push(`${request.url ?? ''} ${request.headers.authorization ?? ''}`)
    const provider = { arn: 'a', arnFingerPrint: '9f01', name: '\x1b[2J\tBlue\n' }
    const hostile = { ...provider, arnFingerPrint: '$(touch x)' }
    response.end(
      request.url?.includes('tenants') === true
        ? '{"tenants":[{"id":"acme","name":"Acme"},{"id":"a;b","name":"x"}]}'
        : JSON.stringify([provider, hostile]),
    )
  })
  const env = { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }
  // A machine that is busy may take longer than a completion waits.
  const offered = (...words: string[]) =>
    expect.poll(() => complete([...words, ''], env), { timeout: 20_000 })
  await offered('keyprovider', 'get').toEqual(['9f01\t\\u{1b}[2J\\u{9}Blue\\u{a}'])
  await offered('tenant', 'get').toEqual(['acme\tAcme'])
  expect(new Set(asked)).toEqual(
    new Set([
      `/api/v1/encryption/keyproviders/actions/list Bearer ${token}`,
      `/api/v1/tenants Bearer ${token}`,
    ]),
  )
  // A server that is still being typed must not get the token.
  const before = asked.length
  expect(await values(['-s', url, 'keyprovider', 'get', ''], env)).toEqual([''])
  expect(asked).toHaveLength(before)
})

test('a server that does not answer is not waited for, and nobody is asked', async () => {
  const url = await serve(() => undefined)
  const start = performance.now()
  const env = { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }
  expect(await values(['keyprovider', 'get', ''], env)).toEqual([''])
  expect(performance.now() - start).toBeLessThan(2_000)
  expect(await values(['keyprovider', 'get', ''])).toEqual([''])
})

test.each(['bash', 'zsh', 'fish'])('the script of %s evaluates nothing', async (shell) => {
  const { stdout, exit } = await keyhold(['completion', shell])
  expect(stdout).toContain(`keyhold __complete ${shell} -- `)
  expect(stdout).not.toMatch(/\beval\b/)
  expect(exit).toBe(0)
})

test('another shell is refused', async () => {
  expect(await keyhold(['completion', 'tcsh'])).toMatchObject({ exit: 2 })
})
