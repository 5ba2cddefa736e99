// The list of bad input: each row gets its own code, and nothing else happens.
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { bodyRows, typeRows } from './bodies.ts'
import { expectIgnored, headerRows, ignoredHeaders, ignoredQueries } from './headers.ts'
import { encryptItems, expectItemRefused } from './items.ts'
import { arnRows, keyProviderRows } from './key-providers.ts'
import { methodRows, pathRows } from './methods.ts'
import { nameRows } from './names.ts'
import { queryRows } from './queries.ts'
import { expectRefused, startScene, type BadInput, type Scene } from './scene.ts'
import { doseOf } from '../../../../testkit/src/statistics/dose-of.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.server.stop())

const tables: Record<string, BadInput[]> = {
  'a body': bodyRows,
  'a member': typeRows,
  'a header': headerRows,
  'a method': methodRows,
  'a path': pathRows,
  'a name': nameRows,
  'a query': queryRows,
  'a key provider': keyProviderRows,
}

describe.each(Object.entries(tables))('%s', (_, rows) => {
  test.each(doseOf(rows, 4))('$what: $status $code', (row) => expectRefused(scene, row))
})

describe('an ARN that is none', () => {
  test.each(doseOf(arnRows, 3))('$what', async (row) => {
    const calls = scene.server.kms.countCalls()
    await expectRefused(scene, row)
    expect(scene.server.kms.countCalls()).toBe(calls)
  })
})

describe('an item', () => {
  test.each(doseOf(encryptItems, 3))('with $what: $code', (item) => expectItemRefused(scene, item))
})

describe('is served as if it was not there:', () => {
  test.each(doseOf(ignoredHeaders, 4))('%s', (_, options) => expectIgnored(scene, '', options))
  test.each(doseOf(ignoredQueries, 4))('the query %s', (query) => expectIgnored(scene, query, {}))
})

it('has changed nothing: no tenant, no API key, no key provider', async () => {
  const { server, tenant } = scene
  const tenants = await server.request('GET', '/api/v1/tenants', { token: server.operatorToken })
  const apiKeys = await server.request('GET', '/api/v1/api-keys', { token: server.operatorToken })
  const providers = await server.request('GET', '/api/v1/encryption/keyproviders', {
    token: tenant.adminToken,
  })

  expect(tenants.body).toMatchObject({ tenants: [{}] })
  expect(apiKeys.body).toMatchObject({ apiKeys: [{}, {}, {}] })
  expect(providers.body).toMatchObject([{ name: 'a key' }])
})
