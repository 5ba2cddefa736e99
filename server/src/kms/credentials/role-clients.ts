// Clients of AWS KMS that call through customers' roles: one for each role and region, with the connections of the region. A
// session that AWS refuses is begun anew, and the call sent once more.
import { KMSClient } from '@aws-sdk/client-kms'
import type { CustomerRole } from '@keyhold/core'
import { endpointFor } from '../aws-endpoint.ts'
import { credentialsRefused } from '../errors/aws-kms-errors.ts'
import type { CustomerRoles } from './customer-role.ts'
import { rememberAttempts } from '../remember-attempts.ts'

const maxRoleClients = 2_000
// Of roles that are only tried: whoever registers keys again and again keeps no client of a key in use from staying.
const maxTried = 100
// A session that is younger is not begun anew: where AWS refuses those too, they would follow each other.
const leastAgeMs = 10_000

interface RoleClient {
  client: KMSClient
  begunMs: number
}

export interface RoleClients {
  /** Sends with the client of the role in the region of `regional`. */
  use<Output>(
    role: CustomerRole,
    region: string,
    regional: KMSClient,
    send: (client: KMSClient) => Promise<Output>,
  ): Promise<Output>
  clear(): void
}

/** @param clock - monotonic milliseconds */
export function createRoleClients(
  endpoint: string | undefined,
  roles: Pick<CustomerRoles, 'assume' | 'forget'>,
  clock: () => number = () => performance.now(),
): RoleClients {
  // In the order of their uses.
  const inUse = new Map<string, RoleClient>()
  const tried = new Map<string, RoleClient>()
  const clientsOf = (role: CustomerRole) =>
    'attempt' in role ? { clients: tried, max: maxTried } : { clients: inUse, max: maxRoleClients }

  function find(name: string, role: CustomerRole, region: string, regional: KMSClient) {
    const { clients, max } = clientsOf(role)
    let known = clients.get(name)
    clients.delete(name)
    if (known === undefined) {
      const client = new KMSClient({
        region,
        ...endpointFor('kms', region, endpoint),
        credentials: () => roles.assume(role, region),
        maxAttempts: regional.config.maxAttempts,
        requestHandler: regional.config.requestHandler,
      })
      rememberAttempts(client)
      known = { client, begunMs: clock() }
    }
    clients.set(name, known)
    const [oldest] = clients.keys()
    // It is not destroyed, since its connections belong to the region.
    if (clients.size > max && oldest !== undefined) clients.delete(oldest)
    return known
  }

  return {
    async use(role, region, regional, send) {
      const name = JSON.stringify([region, role])
      const used = find(name, role, region, regional)
      try {
        return await send(used.client)
      } catch (error) {
        if (!credentialsRefused(error)) throw error
        const { clients } = clientsOf(role)
        if (clients.get(name) === used) {
          if (clock() - used.begunMs < leastAgeMs) throw error
          clients.delete(name)
          roles.forget(role)
        }
        return send(find(name, role, region, regional).client)
      }
    },
    clear() {
      inUse.clear()
      tried.clear()
    },
  }
}
