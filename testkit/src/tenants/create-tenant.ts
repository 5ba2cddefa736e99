// A tenant, and an API key for each of its two roles.
import { openClient } from './open-client.ts'

export interface Tenant {
  tenantId: string
  adminToken: string
  serviceToken: string
}

/** @param id - default: one that the server makes */
export async function createTenant(url: string, operatorToken: string, id?: string): Promise<Tenant> {
  const operator = openClient(url, operatorToken)
  const { body: tenant } = await operator.call('createTenant', {
    body: { name: 'test tenant', ...(id !== undefined && { id }) },
  })
  const createApiKey = async (role: 'tenant-admin' | 'service') => {
    const { body } = await operator.call('createApiKey', { body: { role, tenantId: tenant.id } })
    return body.key
  }
  return {
    tenantId: tenant.id,
    adminToken: await createApiKey('tenant-admin'),
    serviceToken: await createApiKey('service'),
  }
}
