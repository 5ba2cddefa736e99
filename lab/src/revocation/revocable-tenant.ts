// A tenant under a key of its own that can be taken away, with its constant traffic.
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import {
  createCustomer,
  type Customer,
  type CustomerOptions,
} from '../../../testkit/src/customer/create-customer.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { startWatchedTraffic, type WatchedTraffic } from './watched-traffic.ts'

export interface RevocableTenant extends Tenant {
  customer: Customer
  /** Of its key provider. */
  fingerprint: string
  traffic: WatchedTraffic
  /** The state that the health of its key shows on a replica. */
  keyState(): Promise<string>
  /** Tests the key by hand, and answers whether its alias is shown as moved to another key. */
  isAliasMoved(): Promise<boolean>
  stop(): Promise<void>
}

/** Registers the key by its alias, migrates to it, and begins the traffic. */
export async function createRevocableTenant(
  cluster: Cluster,
  { paceOf = 1, ...options }: Omit<CustomerOptions, 'tenantId'> & { paceOf?: number } = {},
): Promise<RevocableTenant> {
  const url = () => cluster.replicas.find((replica) => replica.url !== undefined)?.url ?? ''
  const tenant = await createTenant(url(), cluster.operatorToken)
  const customer = await createCustomer(cluster.kms.url, { ...options, tenantId: tenant.tenantId })
  const fingerprint = await migrateTo(url(), tenant, customer.aliasArn)
  const admin = () => openClient(url(), tenant.adminToken)
  const params = { arnFingerPrint: fingerprint }
  const traffic = startWatchedTraffic(tenant, cluster.replicas, paceOf)
  return {
    ...tenant,
    customer,
    fingerprint,
    traffic,
    async keyState() {
      return (await admin().call('getKeyProviderHealth', { params })).body.state
    },
    async isAliasMoved() {
      await admin().call('testKeyProvider', { params })
      return (await admin().call('getKeyProvider', { params })).body.alias?.state === 'moved'
    },
    async stop() {
      await traffic.stop()
      customer.close()
    },
  }
}
