// The looks that AWS takes at a cluster or a proxy before it makes or changes a custom key store.
import { backingName, type CustomKeyStore } from '../../keys/custom-key-store.ts'
import { findXksWords } from '../../keys/xks-failures.ts'
import { KmsError } from '../../kms-error.ts'
import type { Call } from '../call.ts'

/** The exceptions of a cluster's failures; with others the store is made, and does not connect. */
const clusterExceptions: ReadonlyMap<string, string> = new Map([
  ['CLUSTER_NOT_FOUND', 'CloudHsmClusterNotFoundException'],
  ['INSUFFICIENT_CLOUDHSM_HSMS', 'CloudHsmClusterNotActiveException'],
])

/** @throws KmsError when another store has the same backing, or the backing fails */
export function checkBacking(call: Call, store: CustomKeyStore): void {
  const others = call.store
    .listCustomKeyStores(store.account, store.region)
    .filter(({ id }) => id !== store.id)
  const { backing } = store
  for (const { backing: other } of others) {
    if (
      backing.type === 'AWS_CLOUDHSM' &&
      other.type === backing.type &&
      other.clusterId === backing.clusterId
    ) {
      throw new KmsError(
        'CloudHsmClusterInUseException',
        `The CloudHSM cluster ${backing.clusterId} is already associated with a custom key store.`,
      )
    }
    if (
      backing.type === 'EXTERNAL_KEY_STORE' &&
      other.type === backing.type &&
      other.endpoint === backing.endpoint &&
      other.path === backing.path
    ) {
      throw new KmsError(
        'XksProxyUriInUseException',
        `The proxy URI ${backing.endpoint}${backing.path} is already associated with an external key store.`,
      )
    }
  }
  const failure = call.store.backingFailures.find(backingName(store))
  if (failure === undefined) return
  const exception = clusterExceptions.get(failure)
  if (exception !== undefined) throw new KmsError(exception, `The CloudHSM cluster has failed: ${failure}`)
  const words = findXksWords(failure)
  if (words?.onStore !== undefined) throw new KmsError(words.onStore.exception, words.message)
}
