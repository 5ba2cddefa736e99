// Reads from a request all that it says about the cluster or the proxy behind a custom key store.
import type { RequestFields } from '../../fields/request-fields.ts'
import type { CustomKeyStore } from '../../keys/custom-key-store.ts'
import { validationError } from '../../kms-error.ts'

type Backing = CustomKeyStore['backing']

const connectivities = ['PUBLIC_ENDPOINT', 'VPC_ENDPOINT_SERVICE'] as const

export type BackingRequest = ReturnType<typeof backingFields>

export function backingFields(fields: RequestFields) {
  return {
    clusterId: fields.text('CloudHsmClusterId', {
      min: 19,
      max: 24,
      pattern: /cluster-[2-7a-zA-Z]{11,16}/,
    }),
    trustAnchor: fields.text('TrustAnchorCertificate', { min: 1, max: 5_000 }),
    password: fields.secret('KeyStorePassword', { min: 7, max: 32 }),
    xksEndpoint: fields.text('XksProxyUriEndpoint', {
      min: 10,
      max: 128,
      pattern: /^https:\/\/[a-zA-Z0-9.-]+$/,
    }),
    xksPath: fields.text('XksProxyUriPath', {
      min: 10,
      max: 128,
      pattern: /^(\/[a-zA-Z0-9/_-]+\/kms\/xks\/v\d{1,2})$|^(\/kms\/xks\/v\d{1,2})$/,
    }),
    xksConnectivity: fields.choice('XksProxyConnectivity', connectivities),
    xksCredential: fields.structure('XksProxyAuthenticationCredential', (nested) => {
      nested.secret('RawSecretAccessKey', { min: 43, max: 64, pattern: /^[a-zA-Z0-9/+=]+$/ })
      return nested.requiredText('AccessKeyId', { min: 20, max: 30, pattern: /^[A-Z2-7]+$/ })
    }),
    vpcServiceName: fields.text('XksProxyVpcEndpointServiceName', {
      min: 20,
      max: 64,
      pattern: /^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$/,
    }),
    vpcServiceOwner: fields.text('XksProxyVpcEndpointServiceOwner', {
      min: 12,
      max: 12,
      pattern: /[0-9]{12}/,
    }),
  }
}

/** @throws KmsError ValidationException when a member is missing that stores of this type need */
export function createBacking(type: Backing['type'], request: BackingRequest): Backing {
  if (type === 'AWS_CLOUDHSM') {
    const { clusterId, trustAnchor, password } = request
    if (clusterId === undefined || trustAnchor === undefined || password === undefined) {
      throw missing('CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword', type)
    }
    return { type, clusterId, trustAnchor }
  }
  const { xksEndpoint, xksPath, xksConnectivity, xksCredential, vpcServiceName, vpcServiceOwner } = request
  if (
    xksEndpoint === undefined ||
    xksPath === undefined ||
    xksConnectivity === undefined ||
    xksCredential === undefined
  ) {
    throw missing(
      'XksProxyUriEndpoint, XksProxyUriPath, XksProxyConnectivity and XksProxyAuthenticationCredential',
      type,
    )
  }
  if (xksConnectivity === 'VPC_ENDPOINT_SERVICE' && vpcServiceName === undefined) {
    throw missing('XksProxyVpcEndpointServiceName', xksConnectivity)
  }
  return {
    type,
    endpoint: xksEndpoint,
    path: xksPath,
    connectivity: xksConnectivity,
    accessKeyId: xksCredential,
    vpcServiceName,
    vpcServiceOwner,
  }
}

/** The type of a store never changes: members of the other type are ignored, as AWS does. */
export function updateBacking(backing: Backing, request: BackingRequest): Backing {
  if (backing.type === 'AWS_CLOUDHSM') {
    return { ...backing, clusterId: request.clusterId ?? backing.clusterId }
  }
  return {
    ...backing,
    endpoint: request.xksEndpoint ?? backing.endpoint,
    path: request.xksPath ?? backing.path,
    connectivity: request.xksConnectivity ?? backing.connectivity,
    accessKeyId: request.xksCredential ?? backing.accessKeyId,
    vpcServiceName: request.vpcServiceName ?? backing.vpcServiceName,
    vpcServiceOwner: request.vpcServiceOwner ?? backing.vpcServiceOwner,
  }
}

function missing(names: string, what: string) {
  return validationError(`You must specify ${names} for ${what}.`)
}
