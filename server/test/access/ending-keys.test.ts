// API keys are told of before they end: 14, 7 and 1 day ahead, and once each.
import { expect, test } from 'vitest'
import { createEndingKeys } from '../../src/access/ending-keys.ts'
import type { ApiKeyRow } from '../../src/store/api-keys/api-keys.ts'

const dayMs = 86_400_000

test('a key is told of 14, 7 and 1 day ahead, once, and again where its end is another one', async () => {
  let nowMs = 0
  const key: ApiKeyRow = {
    ...{ id: 'k', secretHash: Buffer.alloc(32), role: 'service', tenantId: 't', name: 'secret name' },
    ...{ createdAt: new Date(0), expiresAt: new Date(20 * dayMs) },
  }
  const store = {
    clock: { now: () => new Date(nowMs) },
    apiKeys: {
      listEnding: (withinMs: number) =>
        Promise.resolve((key.expiresAt?.getTime() ?? 0) - nowMs <= withinMs ? [key] : []),
    },
  }
  const told: [number, number][] = []
  const keys = createEndingKeys({ store, onEnding: (_, days) => told.push([nowMs / dayMs, days]) })
  expect(keys.counts()).toBeUndefined()
  for (; nowMs < 20 * dayMs; nowMs += dayMs / 2) await keys.look()
  expect(told).toEqual([
    [6, 14],
    [13, 7],
    [19, 1],
  ])
  expect(keys.counts()).toEqual({ '1d': 1, '7d': 1, '14d': 1 })
  key.expiresAt = new Date(26 * dayMs)
  await keys.look()
  expect(told.at(-1)).toEqual([20, 7])
  expect(keys.counts()).toEqual({ '1d': 0, '7d': 1, '14d': 1 })
})
