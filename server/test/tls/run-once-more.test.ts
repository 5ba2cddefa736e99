import { expect, test } from 'vitest'
import { runOnceMore } from '../../src/tls/run-once-more.ts'

test('however often it is asked while it runs, it runs once more, and not beside itself', async () => {
  const ends: (() => void)[] = []
  const ask = runOnceMore(() => new Promise<void>((resolve) => ends.push(resolve)))
  ask()
  ask()
  ask()
  expect(ends).toHaveLength(1)
  ends[0]?.()
  await new Promise(setImmediate)
  expect(ends).toHaveLength(2)
  ends[1]?.()
  await new Promise(setImmediate)
  expect(ends).toHaveLength(2)
  ask()
  expect(ends).toHaveLength(3)
})
