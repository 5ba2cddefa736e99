// The demo tenant and its tokens. Made once; later starts go on with those of dev.env, as long as they are valid.
import { createKeyholdClient, KeyholdApiError, type GivenRole as Role } from '@keyhold/client'
import type { DevEnv } from './dev-env.ts'

export interface DemoTenant {
  tenantId: string
  adminToken: string
  serviceToken: string
  operatorToken: string
}

/**
 * Finds or makes the demo tenant through the API.
 *
 * @param createOperatorKey - makes the token that everything else is made with
 */
export async function provideDemoTenant(
  url: string,
  known: DevEnv,
  createOperatorKey: () => Promise<string>,
): Promise<DemoTenant> {
  const operatorToken =
    (await validToken(url, known.KEYHOLD_OPERATOR_TOKEN, 'operator')) ?? (await createOperatorKey())
  const operator = createKeyholdClient({ url, token: operatorToken })
  const tenantId = (await findTenant(operator, known.KEYHOLD_TENANT_ID)) ?? (await createTenant(operator))
  const provideToken = async (token: string | undefined, role: Role) =>
    (await validToken(url, token, role)) ?? (await createToken(operator, role, tenantId))
  return {
    tenantId,
    operatorToken,
    adminToken: await provideToken(known.KEYHOLD_TOKEN, 'tenant-admin'),
    serviceToken: await provideToken(known.KEYHOLD_SERVICE_TOKEN, 'service'),
  }
}

type Client = ReturnType<typeof createKeyholdClient>

async function findTenant(operator: Client, tenantId: string | undefined): Promise<string | undefined> {
  const tenants = await operator.listAll('listTenants')
  return tenants.find(({ id }) => id === tenantId)?.id ?? tenants.find(({ name }) => name === 'demo')?.id
}

async function createTenant(operator: Client): Promise<string> {
  const { body: tenant } = await operator.call('createTenant', { body: { name: 'demo' } })
  return tenant.id
}

async function createToken(operator: Client, role: Role, tenantId: string): Promise<string> {
  const { body } = await operator.call('createApiKey', { body: { role, tenantId, name: `demo ${role}` } })
  return body.key
}

/** The token, if the server still knows it. */
async function validToken(url: string, token: string | undefined, role: Role): Promise<string | undefined> {
  if (token === undefined) return undefined
  const client = createKeyholdClient({ url, token })
  try {
    // Every role has a route that changes nothing; the service's is refused for its empty list, after the token.
    if (role === 'operator') await client.call('listTenants')
    else if (role === 'tenant-admin') await client.call('listKeyProviders')
    else await client.call('decrypt', { body: { items: [] } })
  } catch (error) {
    if (!(error instanceof KeyholdApiError)) throw error
    if (error.status === 401 || error.status === 403) return undefined
  }
  return token
}
