// The time by which JWTs end: that of the database, and of this replica where somebody has set the other one back.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEventCounts } from '../../src/metrics/event-counts.ts'
import { reckonDatabaseClock } from '../../src/store/database-clock.ts'
import type { Store } from '../../src/store/store.ts'
import { closeAll, type Closers } from '../../src/wiring/close-all.ts'
import { openIssuers } from '../../src/wiring/issuers/open-issuers.ts'
import { audience, createTestIssuer, issuerUrl } from '../../../testkit/src/network/test-issuer.ts'

const hourMs = 3_600_000
const logger = pino({ level: 'silent' })
let folder: string
const closers: Closers = []

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-issuers-'))
})
afterAll(async () => {
  await closeAll(closers, logger)
  await rm(folder, { recursive: true })
})

test('a token that has ended stays so, also where the clock of the database is set back', async () => {
  const keys = path.join(folder, 'keys')
  const file = path.join(folder, 'issuers')
  const anHourAgo = await createTestIssuer('k1', 'ES256', () => Date.now() - hourMs)
  await writeFile(keys, anHourAgo.jwks)
  const mappings = [{ match: { sub: 'workload-1' }, role: 'service', tenant: { const: 'acme' } }]
  const issuer = { name: 'test', issuer: issuerUrl, audiences: [audience], algorithms: ['ES256'] }
  await writeFile(file, JSON.stringify({ issuers: [{ ...issuer, jwksFile: keys, mappings }] }))
  const callersAt = async (databaseMs: () => number) => {
    const clock = await reckonDatabaseClock(() => Promise.resolve(databaseMs()), {
      wall: () => Date.now(),
      monotonic: () => performance.now(),
    })
    const store = { clock } as unknown as Store
    const settings = {
      ...{ issuersFile: file, issuerUrl: undefined, privateHosts: undefined, nat64: false },
      unknownKeysPerMinute: 0,
    }
    const needs = { store, tenants: { exists: () => true }, events: createEventCounts(), replicas: () => 1 }
    const issuers = await openIssuers(settings, logger, needs, closers)
    return async (token: string) =>
      issuers?.ofJwt(
        token,
        () => 'here',
        () => undefined,
      )
  }
  const ended = await anHourAgo.sign()
  const callers = await callersAt(() => Date.now() - hourMs)
  await expect(callers(ended)).rejects.toMatchObject({ code: 'ERR_UNAUTHENTICATED' })
  const seconds = Math.floor(Date.now() / 1_000)
  const good = await anHourAgo.sign({ iat: seconds, exp: seconds + 600 })
  await expect(callers(good)).resolves.toMatchObject({ tenantId: 'acme' })
  // A clock of the replica that is behind gives nothing either: that of the database counts then.
  const ahead = await callersAt(() => Date.now() + hourMs)
  await expect(ahead(good)).rejects.toMatchObject({ code: 'ERR_UNAUTHENTICATED' })
})
