// The server that the SDK's tests use (client/test/real-server) answers, and ends when its parent goes away.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('it answers questions, and ends with the channel', async () => {
  const child = fork(fileURLToPath(import.meta.resolve('./serve-in-child.ts')), { stdio: 'inherit' })
  const ended = once(child, 'exit')
  const [started] = (await once(child, 'message')) as [{ id: number; reply: string }]
  expect(started).toMatchObject({ id: 0, reply: expect.stringMatching(/^http:/) as unknown })
  child.send({ id: 1, ask: 'createTenant' })
  const [answer] = (await once(child, 'message')) as [unknown]
  expect(answer).toMatchObject({ id: 1, reply: { serviceToken: expect.stringMatching(/./) as unknown } })
  child.send({ id: 2, ask: 'disableKey', argument: 'no ARN' })
  const [refusal] = (await once(child, 'message')) as [unknown]
  expect(refusal).toMatchObject({ id: 2, error: expect.any(String) as unknown })
  child.disconnect()
  expect(await ended).toEqual([0, null])
  await expect(fetch(started.reply)).rejects.toThrow('fetch failed')
})
