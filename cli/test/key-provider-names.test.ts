// Key providers by name, or by the beginning of the fingerprint.
import { expect, test } from 'vitest'
import { serve } from '../../testkit/src/http/serve.ts'
import { keyhold } from './run-keyhold.ts'

const blue = { arnFingerPrint: `9f01${'a'.repeat(28)}`, name: 'Blue', arn: 'arn:a' }
const green = { arnFingerPrint: `9f02${'b'.repeat(28)}`, name: 'Green \x1b[2J', arn: 'arn:b' }
const twin = { arnFingerPrint: `77aa${'c'.repeat(28)}`, name: 'Blue', arn: 'arn:c' }

async function scene(...providers: (typeof blue)[]) {
  const requests: string[] = []
  const url = await serve((request, response) => {
    const { method = '', url: path = '' } = request
    requests.push(`${method} ${path}`)
    const [, given = '', action] = /keyproviders\/([^/]+)(?:\/(.*))?$/.exec(path) ?? []
    const found = providers.find(({ arnFingerPrint }) => arnFingerPrint === given)
    if (given === 'actions' && action === 'list') response.end(JSON.stringify(providers))
    else if (found === undefined)
      response
        .writeHead(404)
        .end('{"errors":[{"code":"ERR_KEY_PROVIDER_NOT_FOUND","title":"None."}],"traceId":"t"}')
    else if (method === 'PATCH') response.writeHead(204).end()
    else
      response
        .writeHead(action === 'actions/test' ? 201 : 200)
        .end(JSON.stringify({ ...found, id: 'm1', phase: 'copy', message: 'gone', refusals: [] }))
  })
  const run = (...args: string[]) =>
    keyhold(['keyprovider', ...args], { env: { KEYHOLD_URL: url, KEYHOLD_TOKEN: 'token' } })
  return { run, requests }
}

const { arnFingerPrint } = blue
const at = (method: string, action = '') =>
  `${method} /api/v1/encryption/keyproviders/${arnFingerPrint}${action}`

test.each<[string[], string]>([
  [['get', 'Blue', '-q'], at('GET')],
  [['get', '9f01', '-q'], at('GET')],
  [['rm', 'Blue', '-q'], at('DELETE')],
  [['usage', '9f01a', '--json'], at('GET', '/usage')],
  [['health', 'Blue', '--json'], at('GET', '/health')],
  [['test', 'Blue', '-q'], at('POST', '/actions/test')],
  [['patch', 'Blue', '--path', '/name', '--value', 'x'], at('PATCH')],
  [['migrate', 'Blue', '--json'], at('POST', '/actions/migrate')],
  [['migrate', 'Blue', '--dry-run', '--json'], at('POST', '/actions/plan-migration')],
])('%j', async (args, last) => {
  const { run, requests } = await scene(blue, green)
  expect(await run(...args)).toMatchObject({ exit: 0, stderr: '' })
  expect(requests.at(-1)).toBe(last)
})

test('a whole fingerprint costs one request, known or not', async () => {
  const { run, requests } = await scene(blue)
  expect(await run('get', arnFingerPrint, '-q')).toMatchObject({ exit: 0 })
  expect(await run('get', 'f'.repeat(32), '-q')).toMatchObject({ exit: 7 })
  expect(requests).toHaveLength(2)
})

test('several are listed, nothing is done to any, and no name steers the terminal', async () => {
  const { run, requests } = await scene(blue, green, twin)
  const begun = await run('rm', '9f0')
  expect(begun).toMatchObject({ exit: 7 })
  const named = await run('rm', 'Blue')
  expect(named.stderr).toBe(
    `keyhold: error: "Blue" may be each of 2 key providers: ${arnFingerPrint} "Blue", ${twin.arnFingerPrint} "Blue" (ERR_CLI_KEY_PROVIDER_AMBIGUOUS)\nkeyhold: hint: name it by its whole fingerprint\n`,
  )
  expect(named.exit).toBe(2)
  const hostile = await (await scene({ ...green, arnFingerPrint: '9f02c' }, green)).run('rm', '9f02')
  expect(hostile.stderr).toContain('ERR_CLI_KEY_PROVIDER_AMBIGUOUS')
  expect(hostile.stderr).not.toContain('\x1b')
  expect(requests.filter((each) => each.startsWith('DELETE'))).toEqual([
    'DELETE /api/v1/encryption/keyproviders/9f0',
    'DELETE /api/v1/encryption/keyproviders/Blue',
  ])
})
