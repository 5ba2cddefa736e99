// CreateCustomKeyStore, UpdateCustomKeyStore, DeleteCustomKeyStore and DescribeCustomKeyStores.
import { randomBytes } from 'node:crypto'
import { connectionState, type CustomKeyStore } from '../../keys/custom-key-store.ts'
import { KmsError, validationError } from '../../kms-error.ts'
import type { Call } from '../call.ts'
import { toSeconds } from '../key-metadata.ts'
import { page, pageFields } from '../pages.ts'
import { permitInAccount } from '../permit.ts'
import { type BackingRequest, backingFields, createBacking, updateBacking } from './backing-request.ts'
import { checkBacking } from './check-backing.ts'
import { getCustomKeyStore, invalidConnection, keyStoreNotFound } from './get-custom-key-store.ts'

const nameLimits = { min: 1, max: 256 }
const idLimits = { min: 1, max: 64 }

export const keyStoreOperations = {
  CreateCustomKeyStore: createCustomKeyStore,
  UpdateCustomKeyStore: updateCustomKeyStore,
  DeleteCustomKeyStore: deleteCustomKeyStore,
  DescribeCustomKeyStores: describeCustomKeyStores,
}

function createCustomKeyStore(call: Call): object {
  const { name, type, request } = call.fields.read((fields) => ({
    name: fields.requiredText('CustomKeyStoreName', nameLimits),
    type: fields.choice('CustomKeyStoreType', ['AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']) ?? 'AWS_CLOUDHSM',
    request: backingFields(fields),
  }))
  permitInAccount(call, 'CreateCustomKeyStore')
  const store: CustomKeyStore = {
    account: call.caller.account,
    region: call.region,
    id: `cks-${randomBytes(9).toString('hex').slice(1)}`,
    name,
    created: call.nowMs,
    connection: { state: 'DISCONNECTED', settledAt: 0 },
    backing: createBacking(type, request),
  }
  checkName(call, store)
  checkBacking(call, store)
  call.store.putCustomKeyStore(store)
  return { CustomKeyStoreId: store.id }
}

function updateCustomKeyStore(call: Call): object {
  const { id, name, request } = call.fields.read((fields) => ({
    id: fields.requiredText('CustomKeyStoreId', idLimits),
    name: fields.text('NewCustomKeyStoreName', nameLimits),
    request: backingFields(fields),
  }))
  permitInAccount(call, 'UpdateCustomKeyStore')
  const store = getCustomKeyStore(call, id)
  const state = connectionState(store, call.nowMs)
  if (needsDisconnection(request) && state !== 'DISCONNECTED') throw invalidConnection(state)
  const changed = { ...store, name: name ?? store.name, backing: updateBacking(store.backing, request) }
  checkName(call, changed)
  checkBacking(call, changed)
  call.store.putCustomKeyStore(changed)
  return {}
}

function deleteCustomKeyStore(call: Call): object {
  const id = call.fields.read((fields) => fields.requiredText('CustomKeyStoreId', idLimits))
  permitInAccount(call, 'DeleteCustomKeyStore')
  const store = getCustomKeyStore(call, id)
  const state = connectionState(store, call.nowMs)
  if (state !== 'DISCONNECTED') throw invalidConnection(state)
  const hasKeys = call.store
    .list(store.account, store.region)
    .some(({ record }) => record.customKeyStore?.id === id)
  if (hasKeys) {
    throw new KmsError('CustomKeyStoreHasCMKsException', 'The custom key store contains KMS keys.')
  }
  call.store.deleteCustomKeyStore(store)
  return {}
}

function describeCustomKeyStores(call: Call): object {
  const request = call.fields.read((fields) => ({
    id: fields.text('CustomKeyStoreId', idLimits),
    name: fields.text('CustomKeyStoreName', nameLimits),
    ...pageFields(fields, { maxItems: 1000, defaultItems: 100 }),
  }))
  permitInAccount(call, 'DescribeCustomKeyStores')
  const { id, name } = request
  if (id !== undefined && name !== undefined) {
    throw validationError('Please specify either a custom key store id or a custom key store name.')
  }
  const stores = call.store
    .listCustomKeyStores(call.caller.account, call.region)
    .filter((store) => (id ?? store.id) === store.id && (name ?? store.name) === store.name)
  const wanted = id ?? name
  if (wanted !== undefined && stores.length === 0) throw keyStoreNotFound(wanted)
  const { items, ...more } = page(stores, (store) => store.id, request)
  return { CustomKeyStores: items.map((store) => shown(call, store)), ...more }
}

function checkName(call: Call, { id, name, account, region }: CustomKeyStore): void {
  const isTaken = call.store
    .listCustomKeyStores(account, region)
    .some((other) => other.id !== id && other.name === name)
  if (!isTaken) return
  throw new KmsError(
    'CustomKeyStoreNameInUseException',
    `The custom key store name ${name} is already in use.`,
  )
}

/** A connected store takes another name, path and credential; for anything else it must be disconnected. */
function needsDisconnection(request: BackingRequest): boolean {
  const { clusterId, password, xksEndpoint, xksConnectivity, vpcServiceName, vpcServiceOwner } = request
  return [clusterId, password, xksEndpoint, xksConnectivity, vpcServiceName, vpcServiceOwner].some(
    (value) => value !== undefined,
  )
}

function shown(call: Call, store: CustomKeyStore): object {
  const { backing, connection } = store
  const isSettled = call.nowMs >= connection.settledAt
  return {
    CustomKeyStoreId: store.id,
    CustomKeyStoreName: store.name,
    CustomKeyStoreType: backing.type,
    ConnectionState: connectionState(store, call.nowMs),
    ConnectionErrorCode: isSettled ? connection.errorCode : undefined,
    CreationDate: toSeconds(store.created),
    ...(backing.type === 'AWS_CLOUDHSM'
      ? { CloudHsmClusterId: backing.clusterId, TrustAnchorCertificate: backing.trustAnchor }
      : {
          XksProxyConfiguration: {
            Connectivity: backing.connectivity,
            AccessKeyId: backing.accessKeyId,
            UriEndpoint: backing.endpoint,
            UriPath: backing.path,
            VpcEndpointServiceName: backing.vpcServiceName,
            VpcEndpointServiceOwner: backing.vpcServiceOwner,
          },
        }),
  }
}
