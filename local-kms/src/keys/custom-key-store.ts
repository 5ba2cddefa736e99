// The shape of a custom key store, which belongs to one Region of one account. Its secrets are checked and not kept:
// nothing is behind a store here. Stores are stored under these names; times are milliseconds since 1970.

export interface CustomKeyStore {
  readonly account: string
  readonly region: string
  /** As in `cks-` and 17 hex digits. */
  readonly id: string
  readonly name: string
  readonly created: number
  readonly connection: Connection
  readonly backing: CloudHsm | XksProxy
}

export interface CloudHsm {
  readonly type: 'AWS_CLOUDHSM'
  readonly clusterId: string
  readonly trustAnchor: string
}

export interface XksProxy {
  readonly type: 'EXTERNAL_KEY_STORE'
  readonly endpoint: string
  readonly path: string
  readonly connectivity: 'PUBLIC_ENDPOINT' | 'VPC_ENDPOINT_SERVICE'
  readonly accessKeyId: string
  readonly vpcServiceName?: string | undefined
  readonly vpcServiceOwner?: string | undefined
}

export interface Connection {
  readonly state: 'CONNECTED' | 'DISCONNECTED' | 'FAILED'
  /** Until then the store is CONNECTING or DISCONNECTING. */
  readonly settledAt: number
  readonly errorCode?: string | undefined
}

export type ConnectionState = Connection['state'] | 'CONNECTING' | 'DISCONNECTING'

export function connectionState({ connection }: CustomKeyStore, nowMs: number): ConnectionState {
  if (nowMs >= connection.settledAt) return connection.state
  return connection.state === 'DISCONNECTED' ? 'DISCONNECTING' : 'CONNECTING'
}

/** The name by which failures are aimed at what is behind a store: a cluster's id, or a proxy's endpoint. */
export function backingName({ backing }: CustomKeyStore): string {
  return backing.type === 'AWS_CLOUDHSM' ? backing.clusterId : backing.endpoint
}
