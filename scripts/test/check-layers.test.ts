import { describe, expect, test } from 'vitest'
import { checkLayers } from '../guards/check-layers.ts'
import { tree } from './bad-tree.ts'

test('a tree without sources is refused: a guard that looks in the wrong place must not pass', async () => {
  expect(checkLayers(await tree({}))).not.toEqual([])
})

describe('one import that is refused', () => {
  test.each([
    ['core/src/a.ts', `import { x } from 'lru-cache'`],
    ['core/src/a.ts', `import { readFile } from 'node:fs/promises'`],
    ['core/src/a.ts', `import { routes } from '@keyhold/contract'`],
    ['contract/src/a.ts', `import { seal } from '@keyhold/core'`],
    ['contract/src/a.ts', `import { createHash } from 'node:crypto'`],
    ['contract/src/a.ts', `import Type from 'typebox'`],
    ['contract/src/a.ts', `import { tenant } from './schemas/tenant.ts'`],
    ['client/src/a.ts', `import type { RouteSchemas } from '@keyhold/contract/schemas'`],
    ['client/src/a.ts', `import type { ErrorCode } from '@keyhold/core/errors'`],
    ['client/src/a.ts', `import { createHash } from 'node:crypto'`],
    ['client/src/a.ts', `import Type from 'typebox'`],
    ['cli/src/a.ts', `import { routes } from '@keyhold/contract'`],
    ['cli/src/a.ts', `import { routes } from '../../contract/src/routes.ts'`],
    ['cli/src/a.ts', `const server = await import('@keyhold/server')`],
    ['local-kms/src/a.ts', `import { KMSClient } from '@aws-sdk/client-kms'`],
    ['local-kms/src/a.ts', `import type { Kms } from '@keyhold/core'`],
    ['server/src/kms/a.ts', `import type { Store } from '../store/store.ts'`],
    ['server/src/store/a.ts', `import type { Kms } from '../kms/aws-kms.ts'`],
    ['server/src/postgres/a.ts', `import { openDatabase } from '../store/database.ts'`],
    ['server/src/keyring/a.ts', `import { createAwsKms } from '../kms/aws-kms.ts'`],
    ['server/src/migration/a.ts', `import type { Caller } from '../access/caller.ts'`],
    ['server/src/data/a.ts', `export type { Failpoint } from '../migration/failpoint.ts'`],
    ['server/src/data/a.ts', `import { statusOf } from '@keyhold/contract'`],
    ['server/src/data/a.ts', `import { sql } from 'kysely'`],
    ['server/src/http/a.ts', `import pg from 'pg'`],
    ['server/src/http/a.ts', `import { createJobQueue } from '../jobs/job-queue.ts'`],
    ['server/src/jobs/a.ts', `import { encrypt } from '../data/encrypt.ts'`],
    ['server/src/http/a.ts', `import { startServer } from '../main.ts'`],
    ['server/src/http/a.ts', `import { startTestServer } from '../../../testkit/src/start-test-server.ts'`],
    ['server/src/main.ts', `import { startTestServer } from '../../testkit/src/server/start-test-server.ts'`],
    ['server/src/main.ts', `import { startLocalKms } from '@keyhold/local-kms'`],
    ['server/src/data/a.ts', `import { register } from '../providers/register.ts'`],
    ['server/src/health/a.ts', `import { encrypt } from '../data/encrypt.ts'`],
    ['server/src/access/a.ts', `import { openKms } from '../wiring/open-kms.ts'`],
    ['server/src/wiring/a.ts', `import { command } from '../command.ts'`],
    ['testkit/src/a.ts', `import { runRaces } from '../../lab/src/races/run-races.ts'`],
    ['lab/src/a.ts', `import { checkLayers } from '../../scripts/guards/check-layers.ts'`],
    ['scripts/guards/a.ts', `import { startServer } from '../../server/src/main.ts'`],
    ['scripts/new-folder/a.ts', `import { parseArgs } from 'node:util'`],
    ['server/src/new-room/a.ts', `export const x = 1\nimport '@keyhold/core'`],
    ['console/src/a.tsx', `import '@keyhold/contract'`],
    ['portal/src/a.tsx', `import '@keyhold/client'`],
    ['cli/test/a.test.ts', `import { startServer } from '@keyhold/server'`],
    ['core/test/a.test.ts', `import { routes } from '../../contract/src/routes.ts'`],
  ])('%s: %s', async (file, text) => {
    const problems = checkLayers(await tree({ [file]: text }))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`${file}:`)
  })
})

test('imports along the arrows pass', async () => {
  const root = await tree({
    'core/src/a.ts': `import { createHash } from 'node:crypto'\nexport const a = createHash`,
    'contract/src/a.ts': `import type { ErrorCode } from '@keyhold/core/errors'\nexport type { Tenant } from './schemas/tenant.ts'`,
    'contract/src/schemas/tenant.ts': `import { limits } from '../limits.ts'\nimport Type from 'typebox'`,
    'client/src/a.ts': `import { routes } from '@keyhold/contract'`,
    'server/src/wiring/a.ts': `import type { Logger } from 'pino'\nimport '../data/encrypt.ts'`,
    'testkit/src/a.ts': `import { Client } from 'pg'\nimport '../../server/src/store/b.ts'`,
    'lab/src/a.ts': `import '../../testkit/src/a.ts'`,
    'server/src/dev/a.ts': `import { startLocalKms } from '@keyhold/local-kms'\nimport '../main.ts'`,
    'server/src/kms/a.ts': `import { KMSClient } from '@aws-sdk/client-kms'\nimport { seal } from '@keyhold/core'`,
    'server/src/http/wire/a.ts': `import type { Row } from '../../store/b.ts'\nimport { c } from '../c.ts'`,
    'server/test/http/a.test.ts': `import { startLocalKms } from '@keyhold/local-kms'\nimport '../../src/main.ts'`,
  })
  expect(checkLayers(root)).toEqual([])
})

describe('the environment is read in one file of each program', () => {
  test.each([
    `export const a = process.env.KEYHOLD_PORT`,
    `export const { env } = process`,
    `export const a = process['env']`,
    `export const a = globalThis.process.env.HOME`,
  ])('%s', async (text) => {
    expect(checkLayers(await tree({ 'server/src/http/a.ts': text }))).toHaveLength(1)
  })

  test('there, in tests and for other members of process it is no matter', async () => {
    const root = await tree({
      'server/src/settings/read-settings.ts': `export const a = process.env`,
      'cli/src/environment.ts': `export const a = process.env`,
      'core/test/a.test.ts': `export const a = process.env.SLOW`,
      'server/src/http/a.ts': `process.stderr.write(String(process.pid))`,
    })
    expect(checkLayers(root)).toEqual([])
  })
})

test('a circle of files is refused, of type-only imports too', async () => {
  const root = await tree({
    'core/src/a.ts': `import type { B } from './b.ts'`,
    'core/src/b.ts': `export { c } from './c.ts'`,
    'core/src/c.ts': `export type C = import('./a.ts').A`,
  })
  expect(checkLayers(root)).toEqual([
    'a circle of imports: core/src/a.ts → core/src/b.ts → core/src/c.ts → core/src/a.ts',
  ])
})

test.each(['utils.ts', 'http/helpers.ts', 'common/a.ts', 'types.ts', 'store/lib/a.ts'])(
  'a file that is named %s is refused',
  async (name) => {
    const problems = checkLayers(await tree({ [`core/src/${name}`]: 'export {}' }))
    expect(problems).toEqual([expect.stringContaining('named after what it does')])
  },
)

test('a folder with 26 files is refused, one with 25 is not', async () => {
  const files = Array.from({ length: 26 }, (_, index) => [`core/src/a${index}.ts`, 'export {}'])
  expect(checkLayers(await tree(Object.fromEntries(files) as Record<string, string>))).toEqual([
    'core/src: has 26 files; order it in folders of at most 25',
  ])
  expect(checkLayers(await tree(Object.fromEntries(files.slice(1)) as Record<string, string>))).toEqual([])
})
