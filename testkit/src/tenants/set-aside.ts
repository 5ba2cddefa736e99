// Cipherkeys that do not open, and what a tenant's admin does about those that a key job has set aside.
import type { KeyJobFailure } from '@keyhold/contract'
import { act, asAdmin, isPaused, migrations, waitForKeyJob } from '../http/key-jobs.ts'
import { startMigration } from '../http/api.ts'
import type { TestServer, TestTenant } from '../server/start-test-server.ts'
import { prepareTenant, type PreparedTenant } from './prepared-tenant.ts'

/** A cipherkey by its name. */
type FailureName = Pick<KeyJobFailure, 'dataKeyId' | 'version'>

/** Turns one bit of what is stored of a key name's first version. Done twice it is the repair. */
export async function damage(server: TestServer, { tenantId }: TestTenant, keyName: string): Promise<void> {
  const text = `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
    where tenant_id = $1 and key_name = $2 and version = 1`
  await server.query(text, [tenantId, keyName])
}

/** The first page of the failures of a key job. */
async function listFailures(
  server: TestServer,
  tenant: TestTenant,
  keyJobId: string,
): Promise<KeyJobFailure[]> {
  const { body } = await asAdmin(server, tenant)('GET', `${migrations}/${keyJobId}/failures`)
  return (body as { failures: KeyJobFailure[] }).failures
}

/** Accepts all that a key job has set aside, and answers it as it was before. */
export async function acceptAll(
  server: TestServer,
  tenant: TestTenant,
  keyJobId: string,
): Promise<KeyJobFailure[]> {
  const listed = await listFailures(server, tenant, keyJobId)
  const { status, body } = await act(server, tenant, keyJobId, 'accept-failures', {
    failures: namesOf(listed),
  })
  if (status !== 200) throw new Error(`expected 200, got ${status}: ${JSON.stringify(body)}`)
  return listed
}

function namesOf(failures: readonly KeyJobFailure[]): FailureName[] {
  return failures.map(({ dataKeyId, version }) => ({ dataKeyId, version }))
}

/**
 * A prepared tenant whose migration waits, since these cipherkeys do not open.
 *
 * @param rotatesBefore - whether newer versions encrypt by then, so that these may be destroyed
 */
export async function prepareWaitingMigration(
  server: TestServer,
  keyNames: readonly string[] = ['two'],
  rotatesBefore = false,
): Promise<PreparedTenant & { id: string; failures: FailureName[] }> {
  const prepared = await prepareTenant(server)
  const { tenant, fingerprint } = prepared
  for (const keyName of keyNames) {
    if (rotatesBefore)
      await asAdmin(server, tenant)('POST', `/api/v1/encryption/data-keys/${keyName}/actions/rotate`)
    await damage(server, tenant, keyName)
  }
  const id = await startMigration(server.url, tenant, fingerprint)
  await waitForKeyJob(server, tenant, id, isPaused)
  return { ...prepared, id, failures: namesOf(await listFailures(server, tenant, id)) }
}
