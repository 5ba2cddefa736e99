// The client for Node: the browser's client, and local encryption.
import { clientOptionReaders } from '../client-options.ts'
import { functionReader, wholeNumberReader } from '../checks/option-readers.ts'
import { optional, readMembers } from '../checks/read-members.ts'
import { wrongMember } from '../checks/wrong-member.ts'
import {
  openApiClient,
  type KeyholdClient as ApiClient,
  type KeyholdClientOptions as ApiClientOptions,
} from '../create-keyhold-client.ts'
import type { TenantClient as ApiTenantClient } from '../tenant-client.ts'
import { readFilePath } from './files/read-file-path.ts'
import { createTokenFile } from './access-token/token-file.ts'
import { createLeaseStore } from './data-key-leases.ts'
import { createLocalEncryption, type LocalEncryption } from './local-encryption.ts'

export interface KeyholdClientOptions extends Omit<ApiClientOptions, 'token'> {
  /** As in browsers. Exactly one of `token` and `tokenFile` is given. */
  token?: ApiClientOptions['token']
  /** The file of an access token that somebody writes anew, such as a projected token of Kubernetes: read again after 10 seconds. */
  tokenFile?: string | URL
  /** How many leased keys are held at a time; from 1, default 1,000. */
  maxLeases?: number
  /** For tests: a clock in milliseconds that never goes back. Default: `performance.now`. */
  clock?: () => number
}

export interface TenantClient extends ApiTenantClient {
  readonly local: LocalEncryption
}

export interface KeyholdClient extends ApiClient {
  /** As in browsers, with `local` besides. Handles of one tenant share their leases. */
  tenant(tenantId?: string): TenantClient
  /** Drops all leased keys; local encryption is refused from here on. */
  dispose(): void
}

/**
 * Creates a client without connecting.
 *
 * @throws KeyholdClientError for a wrong option, and when the URL is plain http to another machine
 */
export function createKeyholdClient(options: KeyholdClientOptions): KeyholdClient {
  const checked = readMembers(options, 'options', nodeOptionReaders)
  const { maxLeases = 1_000, clock = () => performance.now() } = checked
  const { token, tokenFile } = checked
  if ((token === undefined) === (tokenFile === undefined))
    throw wrongMember(
      'ERR_CLIENT_OPTION_INVALID',
      'options.token',
      'to be given, or options.tokenFile, and not both',
    )
  const client = openApiClient({ ...checked, token: token ?? createTokenFile(tokenFile ?? '', clock) })
  const store = createLeaseStore({ clock, maxLeases })
  return {
    call: (routeId, ...rest) => client.call(routeId, ...rest),
    listAll: (routeId, ...rest) => client.listAll(routeId, ...rest),
    tenant(tenantId) {
      const tenant = client.tenant(tenantId)
      return { ...tenant, local: createLocalEncryption(store, tenant.id, tenant.call) }
    },
    dispose() {
      store.dataKeys.dispose()
      store.blindIndexKeys.dispose()
    },
  }
}

const nodeOptionReaders = {
  ...clientOptionReaders,
  token: optional(clientOptionReaders.token),
  tokenFile: optional(readFilePath),
  maxLeases: optional(wholeNumberReader(1)),
  clock: optional(readClock),
} as const

/** Where the clock fails later on, every lease has ended: it must not throw in a timer, nor keep a key alive. */
function readClock(value: unknown, member: string): () => number {
  const clock = functionReader<() => unknown>()(value, member)
  const safeClock = (): number => {
    try {
      const nowMs = clock()
      return typeof nowMs === 'number' ? nowMs : Number.NaN
    } catch {
      return Number.NaN
    }
  }
  if (!Number.isFinite(safeClock()))
    throw wrongMember('ERR_CLIENT_OPTION_INVALID', member, 'a function that answers milliseconds')
  return safeClock
}
