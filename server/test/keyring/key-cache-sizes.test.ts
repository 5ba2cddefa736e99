// Keys in memory take as much as an operator gives them.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { keyCacheSizes } from '../../src/wiring/key-cache-sizes.ts'

const mib = 8
const budgetBytes = mib * 1_048_576

test('full caches of keys in use take the memory that the setting allows, and no small part of it', async () => {
  // Small young generations leave little garbage that would have to be told from what is held.
  const flags = ['--expose-gc', '--max-semi-space-size=1']
  const file = new URL('cache-memory.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, String(mib)])
  const { entries, bytes } = JSON.parse(stdout) as { entries: number; bytes: number }
  expect(entries).toBe(mib * 512)
  expect(bytes / budgetBytes).toBeLessThan(1.5)
  expect(bytes / budgetBytes).toBeGreaterThan(0.5)
})

test('a quarter of the entries is for tenant keys, and one tenant gets a fifth of either', () => {
  expect(keyCacheSizes(256)).toEqual({
    tenantKeys: 32_768,
    tenantKeysOfOneTenant: 6_553,
    dataKeys: 98_304,
    dataKeysOfOneTenant: 19_660,
  })
})

test('without the setting it is a part of the memory, within limits', () => {
  const { tenantKeys, dataKeys } = keyCacheSizes()
  expect(tenantKeys + dataKeys).toBeGreaterThanOrEqual(64 * 512)
  expect(tenantKeys + dataKeys).toBeLessThanOrEqual(1_024 * 512)
})
