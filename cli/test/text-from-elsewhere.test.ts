// Tokens and JSON as editors and shells of other systems write them: read where they can be, and else named.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { keyhold } from './run-keyhold.ts'
import { serve } from '../../testkit/src/http/serve.ts'
import { temporaryFolder } from './temporary-folder.ts'

const utf16 = (text: string, order: 'le' | 'be') => {
  const bytes = Buffer.from(text, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}

const readable: [name: string, write: (text: string) => Buffer][] = [
  ['UTF-8', (text) => Buffer.from(text)],
  ['UTF-8 with a byte order mark', (text) => Buffer.from(`\uFEFF${text}`)],
  ['UTF-16 as Windows writes it', (text) => utf16(`\uFEFF${text}\r\n`, 'le')],
  ['UTF-16 in the other order', (text) => utf16(`\uFEFF${text}\n`, 'be')],
  ['UTF-8 with a Windows line end', (text) => Buffer.from(`${text}\r\n`)],
]

const unreadable: [name: string, write: (text: string) => Buffer, said: string][] = [
  ['UTF-16 without a mark', (text) => utf16(text, 'le'), 'UTF-16 without a byte order mark'],
  ['Latin-1', (text) => Buffer.from(`${text}é`, 'latin1'), 'is not text in UTF-8'],
  [
    'half a character of UTF-16',
    (text) => utf16(`\uFEFF${text}`, 'le').subarray(0, -1),
    'not text in UTF-16LE',
  ],
]

/** Runs a command against a server that answers with what it was sent: its token, or its body. */
async function run(args: string[], file: Buffer, env: Record<string, string> = {}) {
  const cwd = await temporaryFolder()
  const requests: { authorization: string | undefined; body: string }[] = []
  const url = await serve((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece))
    request.on('end', () => {
      requests.push({ authorization: request.headers.authorization, body })
      response.writeHead(200, { 'content-type': 'application/json' }).end('[]')
    })
  })
  await writeFile(join(cwd, 'file'), file, { mode: 0o600 })
  const outcome = await keyhold(args, { env: { KEYHOLD_URL: url, ...env }, cwd })
  return { ...outcome, requests }
}

const withToken = ['tenant', 'ls', '-q', '--token-file', 'file']
const withJson = ['keyprovider', 'patch', 'f'.repeat(32), '--file', 'file', '-q']
const patch = JSON.stringify([{ op: 'replace', path: '/name', value: 'Schlüssel' }])

describe.each(readable)('%s', (_, write) => {
  test('holds a token', async () => {
    const { requests, stderr } = await run(withToken, write('kh_token'))
    expect(stderr).toBe('')
    expect(requests[0]?.authorization).toBe('Bearer kh_token')
  })

  test('holds JSON', async () => {
    const { requests } = await run(withJson, write(patch), { KEYHOLD_TOKEN: 'kh_token' })
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual(JSON.parse(patch))
  })
})

test.each(unreadable)('%s is named, and nothing is sent', async (_, write, said) => {
  for (const [args, text] of [
    [withToken, 'kh_token'],
    [withJson, patch],
  ] as const) {
    const { requests, stderr, exit } = await run([...args], write(text), { KEYHOLD_TOKEN: 'kh_token' })
    expect(stderr).toContain(said)
    expect(stderr).toContain('save it as UTF-8')
    expect(exit).toBe(2)
    expect(requests).toEqual([])
  }
})

test('variables with line ends and a mark are what they say', async () => {
  const { requests } = await run(['tenant', 'ls', '-q'], Buffer.alloc(0), {
    KEYHOLD_TOKEN: '\uFEFFkh_token\r',
  })
  expect(requests[0]?.authorization).toBe('Bearer kh_token')
})
