// Bytes that are kept for long take only the memory that they need, even while the process makes many small buffers.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { keptBytes } from '../src/kept-bytes.ts'
import { encryptValue } from '../src/value.ts'
import { testDataKey } from './support.ts'

test('the parts follow each other in memory of their own', () => {
  const bytes = keptBytes(Buffer.from('ab'), new Uint8Array(0), Buffer.from('c'))
  expect([bytes.toString(), bytes.buffer.byteLength]).toEqual(['abc', 3])
  expect(keptBytes().length).toBe(0)
})

test('a data key that has encrypted holds less than a kilobyte outside the heap', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const heldBytes = () => {
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const dataKeys = Array.from({ length: 500 }, (_, index) => testDataKey({ version: index + 1 }))
  const before = heldBytes()
  for (const dataKey of dataKeys) {
    encryptValue(dataKey, {}, Buffer.from('a value'))
    // Stands for other requests, which use the pool too.
    for (let taken = 0; taken < Buffer.poolSize; taken += 1_000) Buffer.allocUnsafe(1_000)
  }
  // Another thread gives the collected memory back, with some delay on a busy machine.
  const heldByEach = () => (heldBytes() - before) / dataKeys.length
  await expect.poll(heldByEach, { timeout: 10_000 }).toBeLessThan(1_000)
  expect(dataKeys).toHaveLength(500)
})
