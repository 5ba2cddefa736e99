// Every cause on purpose, with the state that it shows and the answer that requests get.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { policyWithout, setPolicy } from '../../http/scene.ts'
import { customerKeyPolicy } from '../../../../testkit/src/server/start-test-server.ts'
import { inRegion, ofOurs, own, replicated, type Cause } from './cause-scene.ts'
import { damage, deleteAndWait, fault, regionDown, scheduleDeletion } from './produce.ts'

// Regions that only one key each is in, as they are taken down whole.
const ofSingle = 'eu-central-1'
const ofReplicated = 'eu-north-1'

export const causes: (Cause & { answer: string })[] = [
  {
    cause: 'The key policy does not name Keyhold any more',
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: async ({ server }, { arn }) => {
      await setPolicy(server.customerKms(), arn, policyWithout())
      return () => setPolicy(server.customerKms(), arn, customerKeyPolicy())
    },
  },
  {
    cause: 'The key is disabled',
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
    state: 'pendingDeletion',
    answer: '424 ERR_KMS_KEY_PENDING_DELETION',
    produce: ({ server }, { arn }) => scheduleDeletion(server.customerKms(), arn),
  },
  {
    cause: 'AWS KMS throttles',
    state: 'throttled',
    answer: '503 ERR_KMS_THROTTLED',
    produce: fault(own, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    state: 'unreachable',
    answer: '503 ERR_KMS_TIMEOUT',
    produce: fault(own, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    state: 'unreachable',
    answer: '503 ERR_KMS_FAILED',
    produce: fault(own, 'error500'),
  },
  {
    cause: 'The region cannot be reached; the key has no replica',
    makeKey: inRegion(ofSingle, false),
    state: 'unreachable',
    answer: '503 ERR_KMS_UNREACHABLE',
    produce: regionDown(ofSingle),
  },
  {
    cause: 'The region cannot be reached; the key has a replica',
    makeKey: inRegion(ofReplicated, true),
    state: 'degraded',
    answer: '200',
    produce: regionDown(ofReplicated),
  },
  {
    cause: 'What Keyhold has stored under the key is damaged',
    state: 'misconfigured',
    answer: '424 ERR_KMS_INVALID_CIPHERTEXT',
    produce: damage,
  },
  {
    cause: 'The key was scheduled for deletion, and the waiting period has passed',
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: (scene, { arn }) => deleteAndWait(scene, scene.server.customerKms(), arn),
  },
  {
    cause: 'The same, where Keyhold calls from the key’s own account, as through a role',
    makeKey: ofOurs(false),
    state: 'notFound',
    answer: '424 ERR_KMS_KEY_NOT_FOUND',
    produce: (scene, { arn }) => deleteAndWait(scene, scene.ourKms(own), arn),
  },
]
