// Takes back what would leave most later requests with one and the same refusal.
import type { RouteId } from '@keyhold/contract'
import type { TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import type { Scene } from './scene.ts'

const admins = ['tenant-admin', 'foreign tenant-admin', 'troubled tenant-admin']
const tenants = ['tenant', 'foreignTenant', 'emptyTenant']

export async function undo(
  { url, operatorToken }: Pick<TestServer, 'url' | 'operatorToken'>,
  { callers, places }: Scene,
  routeId: RouteId,
): Promise<void> {
  if (routeId === 'lockTenant') {
    for (const caller of admins) {
      const token = callers.get(caller)?.authorization?.replace('Bearer ', '') ?? ''
      await openClient(url, token).call('unlockTenant')
    }
  }
  if (routeId === 'scheduleTenantDeletion') {
    for (const tenantId of tenants.flatMap((name) => places.get(name) ?? [])) {
      await openClient(url, operatorToken)
        .call('cancelTenantDeletion', { params: { tenantId } })
        .catch(() => undefined)
    }
  }
}
