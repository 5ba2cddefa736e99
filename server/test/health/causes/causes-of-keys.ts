// Every cause on purpose, with the state that it shows and the answer that requests get.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { policyWithout, setPolicy } from '../../http/scene.ts'
import { customerKeyPolicy } from '../../../../testkit/src/server/start-test-server.ts'
import { inRegion, own, replicated, type OwnCause } from './cause-scene.ts'
import { imported } from './special-keys.ts'
import { causesOfKeyStores } from './causes-of-key-stores.ts'
import { causesOfOurs, causesOfTheirs } from './causes-of-policies.ts'
import { damage, fault, regionDown, scheduleDeletion } from './produce.ts'

// Regions that only one key each is in, as they are taken down whole.
const ofSingle = 'eu-central-1'
const ofReplicated = 'eu-north-1'

export const causes: OwnCause[] = [
  {
    cause: 'The key policy does not name Keyhold any more',
    how: '`PutKeyPolicy` without Keyhold’s statements',
    notFor:
      'An outage, which would let a replica key answer; or, where AWS names another policy, that one. AWS answers another account alike where the key is gone.',
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: async ({ server }, { arn }) => {
      await setPolicy(server.customerKms(), arn, policyWithout())
      return () => setPolicy(server.customerKms(), arn, customerKeyPolicy())
    },
  },
  {
    cause: 'The key is disabled',
    how: '`DisableKey`',
    notFor:
      'A refusal of one tenant: it ends the keys of all tenants under the key. Nor an outage: the replica key, which still opens, is not asked.',
    makeKey: replicated,
    state: 'disabled',
    answer: '424 ERR_KMS_KEY_DISABLED',
    produce: async ({ server }, { arn }) => {
      await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
      return () => server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
    },
  },
  {
    cause: 'The key is scheduled for deletion',
    how: '`ScheduleKeyDeletion`',
    notFor: 'A deleted key: until the waiting period ends it can be cancelled.',
    state: 'pendingDeletion',
    answer: '424 ERR_KMS_KEY_PENDING_DELETION',
    produce: ({ server }, { arn }) => scheduleDeletion(server.customerKms(), arn),
  },
  {
    cause: 'The imported key material is deleted, or has expired',
    how: '`DeleteImportedKeyMaterial`; `ImportKeyMaterial` of the same material takes it back',
    notFor:
      'A key that is still being made, or an outage: it is the customer’s way to take the key away at once. The replica key, which still has its material, is not asked.',
    makeKey: imported,
    state: 'misconfigured',
    answer: '424 ERR_KMS_KEY_PENDING_IMPORT',
    produce: (_, { loseMaterial }) => loseMaterial?.() ?? Promise.resolve(undefined),
  },
  {
    cause: 'AWS KMS throttles',
    how: "`kms.faults.add({ kind: 'throttle', match: { keyId } })`",
    notFor: 'A refusal, or an outage of the key: nothing ends, and the call is repeated.',
    state: 'throttled',
    answer: '503 ERR_KMS_THROTTLED',
    produce: fault(own, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    how: "`kms.faults.add({ kind: 'hang', match: { keyId } })`",
    notFor:
      'A refusal: nothing ends before its time. Nor an outage of the region, while only this key hangs.',
    state: 'unreachable',
    answer: '503 ERR_KMS_TIMEOUT',
    produce: fault(own, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    how: "`kms.faults.add({ kind: 'error500', match: { keyId } })`",
    notFor: 'A refusal: nothing ends before its time.',
    state: 'unreachable',
    answer: '503 ERR_KMS_FAILED',
    produce: fault(own, 'error500'),
  },
  {
    cause: 'The region cannot be reached; the key has no replica',
    how: "`kms.regions.takeDown(region, 'refused')`",
    notFor: 'A refusal: nothing ends before its time, and everything opens when the region is back.',
    makeKey: inRegion(ofSingle, false),
    state: 'unreachable',
    answer: '503 ERR_KMS_UNREACHABLE',
    produce: regionDown(ofSingle),
  },
  {
    cause: 'The region cannot be reached; the key has a replica',
    how: 'the same, of a multi-region key with a replica',
    notFor: 'A healthy key: its own region, where the customer would take it away, cannot be heard.',
    makeKey: inRegion(ofReplicated, true),
    state: 'degraded',
    answer: '200',
    produce: regionDown(ofReplicated),
  },
  {
    cause: 'What Keyhold has stored under the key is damaged',
    how: 'a changed bit in `keyhold.tenant_keys.wrapped`',
    notFor: 'A refusal by the customer, or a fault of the key: other tenants under it go on.',
    state: 'misconfigured',
    answer: '424 ERR_KMS_INVALID_CIPHERTEXT',
    produce: damage,
  },
  ...causesOfOurs,
  ...causesOfTheirs,
  ...causesOfKeyStores,
]
