// A small dose of `npm run lab failover`.
import { expect, test } from 'vitest'
import { runFailover } from '../src/failover/run-failover.ts'

const usual = { promotions: 1, awayMs: 500, lagMs: 0, isAsync: false, say: () => undefined }

test('the standby takes over, no acknowledged key is lost, and no request whose keys are in memory fails', async () => {
  const result = await runFailover(usual)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ promotions: 1, lost: 0, unready: 0, warm: { failed: 0, wrong: 0 } })
  expect(result.acknowledged).toBeGreaterThan(0)
}, 300_000)

test('a standby that lags behind has everything when commits wait for it, and lacks keys when they do not', async () => {
  expect(await runFailover({ ...usual, lagMs: 1_000 })).toMatchObject({ lost: 0, problems: [] })
  const { lost } = await runFailover({ ...usual, lagMs: 1_000, isAsync: true })
  expect(lost).toBeGreaterThan(0)
}, 600_000)
