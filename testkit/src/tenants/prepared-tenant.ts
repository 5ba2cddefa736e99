// A tenant with three encrypted values and a registered key.
import type { TestServer, TestTenant } from '../server/start-test-server.ts'
import { encryptUnder, plaintextOf, registerKey } from '../http/api.ts'

export interface PreparedTenant {
  tenant: TestTenant
  tokens: string[]
  arn: string
  fingerprint: string
}

const keyNames = ['one', 'two', 'three']

/** The plaintexts of a prepared tenant's tokens, in base64. */
export const plaintexts: readonly string[] = keyNames.map(plaintextOf)

export async function prepareTenant(server: TestServer): Promise<PreparedTenant> {
  const tenant = await server.createTenant()
  const arn = await server.createCustomerKey([tenant.tenantId])
  const tokens = await encryptUnder(server.url, tenant, keyNames)
  return { tenant, tokens, arn, fingerprint: await registerKey(server.url, tenant, arn) }
}
