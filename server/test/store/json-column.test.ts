// A JSON column leaves the store in its form, or as an error that says where it is wrong.
import { keyArnFingerprint, type KeyInspection } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { count, flag, jsonReader, listOf, members, text, time, valueOf } from '../../src/store/json-column.ts'
import { insertTenant, newKeyJob, tenantId } from './stored-rows.ts'

const form = members(
  { name: text, isOpen: flag, rows: count, at: time, regions: listOf(members({ region: text })) },
  { note: text },
)
const read = jsonReader('a_table.a_column', form, 'ERR_MIGRATION_RECORD_INVALID')
const good = { name: 'a', isOpen: true, rows: 0, at: '2026-01-02T03:04:05.678Z', regions: [{ region: 'x' }] }

describe('a form', () => {
  test.each([
    ['with all that it names', good],
    ['with a member that may be absent', { ...good, note: 'n' }],
    ['with a member of a newer version', { ...good, later: [1] }],
    ['with an empty list', { ...good, regions: [] }],
  ])('accepts a value %s, as it is', (_, stored) => {
    expect(read(stored, 'r')).toEqual({ value: stored })
    expect(valueOf(read(stored, 'r'))).toBe(stored)
  })

  test.each([
    ['a_table.a_column does', 'text'],
    ['a_table.a_column does', [good]],
    ['a_column.name does', { ...good, name: undefined }],
    ['a_column.name does', { ...good, name: 1 }],
    ['a_column.isOpen does', { ...good, isOpen: 'true' }],
    ['a_column.rows does', { ...good, rows: -1 }],
    ['a_column.rows does', { ...good, rows: 1.5 }],
    ['a_column.at does', { ...good, at: 'yesterday' }],
    ['a_column.regions does', { ...good, regions: { 0: { region: 'x' } } }],
    ['a_column.regions[1].region does', { ...good, regions: [{ region: 'x' }, { region: 7 }] }],
    ['a_column.note does', { ...good, note: null }],
  ])('says that %s not have it', (where, stored) => {
    const column = read(stored, 'row-7')
    expect(column).toMatchObject({ error: { code: 'ERR_MIGRATION_RECORD_INVALID' } })
    expect(() => valueOf(column)).toThrow(where)
    expect(() => valueOf(column)).toThrow('in the row row-7')
    expect(() => valueOf(column)).not.toThrow('yesterday')
  })

  test('of a column that is null is not asked for', () => {
    expect([read(null, 'r'), valueOf(read(null, 'r'))]).toEqual([undefined, undefined])
  })
})

describe('in a database', () => {
  let postgres: TestPostgres
  let database: TestStores
  beforeAll(async () => {
    postgres = await openTestPostgres()
  })
  afterAll(() => postgres.stop())
  beforeEach(async () => {
    database = await postgres.createStores()
    await insertTenant(database.store)
  })

  test('a damaged inspection concerns its own provider, and only who needs the inspection', async () => {
    const { keyProviders } = database.store
    const region = 'eu-west-3'
    const keyArns = [1, 2].map(
      (n) => `arn:aws:kms:eu-west-1:222222222222:key/mrk-${String(n).padStart(32, '0')}`,
    )
    for (const keyArn of keyArns) {
      const inspection: KeyInspection = {
        ...{ keyArn, multiRegion: true, replicaKeys: [{ keyArn, region }], drCompliant: true },
        complianceError: { code: '', region: '', message: '' },
      }
      const kms = 'aws' as const
      const words = { name: 'a', description: '', isCurrent: false }
      await alone(database.store, tenantId).keyProviders.insert({
        tenantId,
        fingerprint: keyArnFingerprint(keyArn),
        kms,
        keyArn,
        ...words,
        inspection,
      })
    }
    await database.query(`update keyhold.key_providers set inspection = jsonb_set(inspection, '{replicaKeys,0,region}', '7')
       where fingerprint = '${keyArnFingerprint(keyArns[0] ?? '')}'`)
    const [damaged, whole] = await keyProviders.list(tenantId)
    expect(damaged).toMatchObject({ keyArn: keyArns[0], inspection: { error: {} } })
    expect(() => valueOf(damaged?.inspection)).toThrow(
      `key_providers.inspection.replicaKeys[0].region does not have its form, in the row ${keyArnFingerprint(keyArns[0] ?? '')}`,
    )
    expect(valueOf(whole?.inspection)?.replicaKeys).toEqual([{ keyArn: keyArns[1], region }])
  })

  test.each([
    ['lastError', 'last_error', { code: 7 }, '.code'],
    ['verification', 'verification', { verifiedAt: 'x' }, '.verifiedAt'],
    ['verifiedTo', 'verified_to', [], ''],
  ] as const)('a damaged %s keeps nobody from leading the key job', async (member, column, value, where) => {
    const { keyJobs } = database.store
    const job = await alone(database.store, tenantId).keyJobs.insert(newKeyJob())
    await database.query(`update keyhold.key_jobs set ${column} = '${JSON.stringify(value)}'`)
    const led = await keyJobs.takeLead(job.id, randomUUID(), 10)
    expect(led).toMatchObject({ id: job.id, phase: 'prepare' })
    expect(() => valueOf<unknown>(led?.[member])).toThrow(
      `key_jobs.${column}${where} does not have its form, in the row ${job.id}`,
    )
  })
})
