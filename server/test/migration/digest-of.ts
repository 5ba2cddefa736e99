// The digest of a tenant's cipherkeys, as the documentation says how to compute it.
import { createHash } from 'node:crypto'
import type { TestServer, TestTenant } from '../../../testkit/src/server/start-test-server.ts'

export async function digestOf(server: TestServer, { tenantId }: TestTenant): Promise<string> {
  const rows = await server.query(
    `select uuid_send(data_key_id) || int4send(version) || key_check_value as identity
     from keyhold.cipherkeys where tenant_id = $1 order by data_key_id, version`,
    [tenantId],
  )
  const hash = createHash('sha256')
  for (const { identity } of rows) hash.update(identity as Buffer)
  return hash.digest('hex')
}
