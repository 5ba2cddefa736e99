// `npm run lab revocation`: see docs/revocation.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer, seed } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import { printWays } from './print-ways.ts'

const { json, ...options } = readOptions('revocation', {
  trials: integer('keys that are taken away and given back, in all ways by turns', { min: 0, default: 200 }),
  locks: integer('trials of the kill switch besides, and one over a restart', { min: 0, default: 20 }),
  tenants: integer('trials at once', { min: 1, default: 20 }),
  'ttl-seconds': integer('KEYHOLD_KEY_CACHE_TTL_SECONDS of the replicas', { min: 1, default: 5 }),
  'lose-notifications': flag('no notification reaches a replica, which reads the changes later'),
  seed: seed(),
  json: flag('prints the last line alone, a JSON object'),
})
const { runRevocations } = await import('./run-revocations.ts')
const { say, print, finish } = createOutput(json)
const startMs = performance.now()
const { details, ...result } = await runRevocations({
  trials: options.trials,
  locks: options.locks,
  tenants: options.tenants,
  ttlSeconds: options['ttl-seconds'],
  losesNotifications: options['lose-notifications'],
  seed: options.seed,
  say,
})
say(`took ${((performance.now() - startMs) / 60_000).toFixed(1)} min`)
printWays(result.ways, print)
finish(result, details.problems)
