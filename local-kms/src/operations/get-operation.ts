// From the name in X-Amz-Target to the operation.
import { KmsError, unsupportedOperation } from '../kms-error.ts'
import { type OfferedOperation, refusedOperations } from '../policy/key-policy-actions.ts'
import { aliasOperations } from './alias-operations.ts'
import type { Operation } from './call.ts'
import { cryptoOperations } from './crypto-operations.ts'
import { dataKeyOperations } from './data-key-operations.ts'
import { grantLists } from './grants/list-grants.ts'
import { grantOperations } from './grants/grant-operations.ts'
import { grantRetirement } from './grants/retire-grant.ts'
import { importOperations } from './imports/import-operations.ts'
import { importParameters } from './imports/import-parameters.ts'
import { randomOperations } from './generate-random.ts'
import { keyStoreConnections } from './key-stores/connect-key-store.ts'
import { keyStoreOperations } from './key-stores/key-store-operations.ts'
import { keyOperations } from './key-operations.ts'
import { lifecycleOperations } from './lifecycle-operations.ts'
import { rotationLists } from './list-key-rotations.ts'
import { policyOperations } from './policy-operations.ts'
import { replicationOperations } from './replication-operations.ts'
import { rotationOperations } from './rotation-operations.ts'
import { tagOperations } from './tag-operations.ts'
import { primaryRegionOperations } from './update-primary-region.ts'

const operations: Record<OfferedOperation, Operation> = {
  ...keyOperations,
  ...replicationOperations,
  ...cryptoOperations,
  ...dataKeyOperations,
  ...aliasOperations,
  ...tagOperations,
  ...policyOperations,
  ...lifecycleOperations,
  ...rotationOperations,
  ...randomOperations,
  ...keyStoreOperations,
  ...keyStoreConnections,
  ...rotationLists,
  ...primaryRegionOperations,
  ...importParameters,
  ...importOperations,
  ...grantOperations,
  ...grantLists,
  ...grantRetirement,
}

const operationsByName: ReadonlyMap<string, Operation> = new Map(Object.entries(operations))

/** @throws KmsError for a name that AWS KMS does not have, and for an operation that local-kms does not offer */
export function getOperation(name: string): Operation {
  const operation = operationsByName.get(name)
  if (operation !== undefined) return operation
  if (refusedOperations.has(name)) throw unsupportedOperation(`${name} is not offered by local-kms.`)
  throw new KmsError('UnknownOperationException')
}
