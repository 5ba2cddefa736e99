// A server that was started with a low priority: its threads keep it, since nobody but root may raise one.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const startBodyThread = new URL('../../../src/http/long-bodies/start-body-thread.ts', import.meta.url)
const work = `
  import { readdirSync, readFileSync } from 'node:fs'
  import os from 'node:os'
  import { startBodyThread } from '${startBodyThread.href}'
  os.setPriority(15)
  const thread = startBodyThread()
  const order = { routeId: 'encrypt', bytes: Buffer.from('{"items":[1]}') }
  const stays = setInterval(() => undefined, 1_000)
  const { failed } = await thread.answer(order, { actives: () => new Map() }, new AbortController().signal)
  const nices = readdirSync('/proc/self/task').map((id) =>
    Number(readFileSync('/proc/self/task/' + id + '/stat', 'utf8').split(') ')[1].split(' ')[16]))
  console.log(JSON.stringify({ failed, isRaised: nices.includes(10), isLow: nices.includes(15) }))
  clearInterval(stays)
  await thread.end()`

test.runIf(process.platform === 'linux')('works on long bodies, and no thread is raised', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', work])
  expect(JSON.parse(stdout)).toEqual({ failed: 1, isRaised: false, isLow: true })
})
