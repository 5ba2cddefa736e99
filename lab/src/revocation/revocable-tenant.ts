// A tenant under a key of its own that can be taken away, with its constant traffic.
import { callApi, createTenant, migrateTo, type Tenant } from '../../../testkit/src/bench-api.ts'
import type { Cluster } from '../../../testkit/src/cluster/cluster.ts'
import { createCustomer, type Customer, type CustomerOptions } from './customer.ts'
import { startWatchedTraffic, type WatchedTraffic } from './watched-traffic.ts'

export interface RevocableTenant extends Tenant {
  customer: Customer
  /** Of its key provider. */
  fingerprint: string
  traffic: WatchedTraffic
  /** The state that the health of its key shows, as a replica tells it. */
  keyState(): Promise<string>
  /** Tries the key by hand, and answers whether its alias is told to name another key. */
  isAliasMoved(): Promise<boolean>
  stop(): Promise<void>
}

const providers = '/api/v1/encryption/keyproviders'

/** Registers the key by its alias, migrates to it, and begins the traffic. */
export async function createRevocableTenant(
  cluster: Cluster,
  { paceOf = 1, ...options }: Omit<CustomerOptions, 'tenantId'> & { paceOf?: number } = {},
): Promise<RevocableTenant> {
  const url = () => cluster.replicas.find((replica) => replica.url !== undefined)?.url ?? ''
  const tenant = await createTenant(url(), cluster.operatorToken)
  const customer = await createCustomer(cluster.kms.url, { ...options, tenantId: tenant.tenantId })
  await migrateTo(url(), tenant, customer.aliasArn)
  const call = (method: string, path: string) => callApi(url(), tenant.adminToken, method, path)
  const list = (await call('GET', `${providers}/actions/list`)) as {
    arnFingerPrint: string
    current?: true
  }[]
  const fingerprint = list.find(({ current }) => current === true)?.arnFingerPrint ?? ''
  const traffic = startWatchedTraffic(tenant, cluster.replicas, paceOf)
  return {
    ...tenant,
    customer,
    fingerprint,
    traffic,
    async keyState() {
      const health = (await call('GET', `${providers}/${fingerprint}/health`)) as { state: string }
      return health.state
    },
    async isAliasMoved() {
      await call('POST', `${providers}/${fingerprint}/actions/test`)
      const body = (await call('GET', `${providers}/${fingerprint}`)) as { alias?: { state: string } }
      return body.alias?.state === 'moved'
    },
    async stop() {
      await traffic.stop()
      customer.close()
    },
  }
}
