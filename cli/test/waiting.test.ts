// Waiting for a key job, and how it ends before the key job does.
import { expect, test } from 'vitest'
import { keyhold, runKeyhold } from './run-keyhold.ts'
import { serve } from '../../testkit/src/http/serve.ts'

const token = 'token-of-the-admin'

test('an interrupt ends the watching with 130 and says that the key job goes on', async () => {
  const job = JSON.stringify({ id: 'm1', phase: 'copy', progress: 10, cipherkeys: { total: 10, copied: 1 } })
  const url = await serve((_request, response) => {
    response.end(job)
    signals.emit('SIGINT')
  })
  const env = { KEYHOLD_URL: url, KEYHOLD_TOKEN: token }
  const { signals, outcome } = runKeyhold(['migration', 'watch', 'm1'], { env })
  const { stderr, exit } = await outcome
  expect(stderr.split('\n').slice(-3)).toEqual([
    'keyhold: error: stopped waiting; key job m1 goes on (ERR_CLI_INTERRUPTED)',
    'keyhold: hint: keyhold migration show m1 shows it',
    '',
  ])
  expect(exit).toBe(130)
  expect(signals.eventNames()).toEqual([])
})

test('--timeout ends the waiting, even when the server is silent', async () => {
  let requests = 0
  const running = JSON.stringify({
    id: 'm1',
    state: 'InProgress',
    phase: 'copy',
    progress: 10,
    cipherkeys: { total: 10, copied: 1, failed: 0 },
  })
  const url = await serve((_request, response) => {
    if (++requests <= 2) response.end(running)
  })
  const { stdout, exit } = await keyhold(['keyprovider', 'migrate', '9f01', '--timeout', '0.5', '--json'], {
    env: { KEYHOLD_URL: url, KEYHOLD_TOKEN: token },
  })
  expect(JSON.parse(stdout)).toEqual({
    errors: [{ code: 'ERR_CLI_TIMEOUT', title: 'not completed within 0.5 s; migration m1 goes on' }],
  })
  expect(exit).toBe(1)
})
