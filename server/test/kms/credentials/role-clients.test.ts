// The clients of roles in use stay, however many roles are only tried.
import { KMSClient } from '@aws-sdk/client-kms'
import type { CustomerRole } from '@keyhold/core'
import { expect, test } from 'vitest'
import { createRoleClients } from '../../../src/kms/credentials/role-clients.ts'

const region = 'eu-central-1'
const regional = new KMSClient({ region, endpoint: 'http://127.0.0.1:1' })
const arn = 'arn:aws:iam::111122223333:role/for-keyhold'
const clients = createRoleClients('http://127.0.0.1:1', {
  assume: () => Promise.reject(new Error('nobody calls')),
  forget: () => undefined,
})
const clientOf = (role: CustomerRole) =>
  clients.use(role, region, regional, (client) => Promise.resolve(client))

test('more tries than there is room for clients take none from a role in use, and each try keeps its own', async () => {
  const used = { arn, subjectTenantId: 'acme' }
  const client = await clientOf(used)
  const first = await clientOf({ ...used, attempt: 'first' })
  expect(await clientOf({ ...used, attempt: 'first' })).toBe(first)
  for (let attempt = 0; attempt <= 2_000; attempt++) await clientOf({ ...used, attempt: String(attempt) })
  expect(await clientOf(used)).toBe(client)
  expect(await clientOf({ ...used, attempt: 'first' })).not.toBe(first)
  clients.clear()
  regional.destroy()
})
