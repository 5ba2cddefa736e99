// Differences on a terminal: questions, progress, and the form of a decrypted value.
import { expect, onTestFinished, test } from 'vitest'
import { keyhold } from './run-keyhold.ts'
import { serveLeases } from './serve-leases.ts'
import { serve } from '../../testkit/src/http/serve.ts'

const env = { KEYHOLD_TOKEN: 'token-of-the-admin' }

test.each([
  ['y\n', 0, 1],
  ['YES\n', 0, 1],
  ['n\n', 1, 0],
  ['\n', 1, 0],
  // Ctrl+D, and a terminal that is gone.
  ['\x04', 1, 0],
  ['', 1, 0],
])('what cannot be taken back is done after a yes alone: %j', async (answer, exit, requests) => {
  let came = 0
  const url = await serve((_request, response) => {
    came += 1
    response.writeHead(204).end()
  })
  const place = { env: { ...env, KEYHOLD_URL: url }, stdin: answer, isTTY: true }
  const outcome = await keyhold(['tenant', 'rm', 'acme'], place)
  expect(outcome.stderr).toContain('keyhold: delete the tenant acme? [y/N]')
  expect([outcome.exit, came]).toEqual([exit, requests])
  if (exit === 1) expect(outcome.stderr).toContain('nothing was done (ERR_CLI_NOT_CONFIRMED)')
})

test('progress is one line, written again and again, and gone at the end', async () => {
  const cipherkeys = { total: 10, copied: 1, verified: 0, failed: 0, accepted: 0 }
  let looks = 0
  const url = await serve((_request, response) => {
    const phase = ++looks < 3 ? 'copy' : 'done'
    response.end(JSON.stringify({ id: 'm1', phase, progress: 10 * looks, cipherkeys }))
  })
  const place = { env: { ...env, KEYHOLD_URL: url }, isTTY: true }
  const { stderr, exit } = await keyhold(['migration', 'watch', 'm1', '--json', '--interval', '0'], place)
  const line = (progress: number) => `\r\x1b[Kkeyhold: copy, ${progress} %, 1 of 10 copied`
  expect(stderr).toBe(`${line(10)}${line(20)}\r\x1b[K`)
  expect(exit).toBe(0)
})

test('a decrypted value is shown as a line of text, and not at all when the terminal would obey it', async () => {
  const server = await serveLeases()
  onTestFinished(() => {
    server.stop()
  })
  const place = { env: { ...env, KEYHOLD_URL: server.url } }
  const decrypted = async (value: string) => {
    const { stdout: token } = await keyhold(['encrypt', '--value'], { ...place, stdin: value })
    return keyhold(['decrypt', '--value'], { ...place, stdin: token, isTTY: true })
  }
  expect(await decrypted('secret')).toMatchObject({ stdout: 'secret\n', exit: 0 })
  expect(await decrypted('\x1b[2J')).toMatchObject({ stdout: '', exit: 2 })
})
