// Causes in the region of a replica, with the state that is shown for that region.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { policyWithout, setPolicy } from '../../http/scene.ts'
import { customerKeyPolicy } from '../../../../testkit/src/server/start-test-server.ts'
import { ofOurs, other, own, replicated, type Cause, type Key } from './cause-scene.ts'
import { imported } from './special-keys.ts'
import { deleteAndWait, fault, scheduleDeletion } from './produce.ts'

const inOther = ({ arn }: Key) => arn.replace(own, other)

// The same where another region stands by: nothing of it concerns requests while the own region answers.
export const causesOfReplicas: Cause[] = [
  {
    cause: 'Its policy does not name Keyhold any more',
    makeKey: replicated,
    state: 'denied',
    produce: async ({ server }, key) => {
      await setPolicy(server.customerKms(other), inOther(key), policyWithout())
      return () => setPolicy(server.customerKms(other), inOther(key), customerKeyPolicy())
    },
  },
  {
    cause: 'It is disabled',
    makeKey: replicated,
    state: 'disabled',
    produce: async ({ server }, key) => {
      await server.customerKms(other).send(new DisableKeyCommand({ KeyId: inOther(key) }))
      return () => server.customerKms(other).send(new EnableKeyCommand({ KeyId: inOther(key) }))
    },
  },
  {
    cause: 'It is scheduled for deletion',
    makeKey: replicated,
    state: 'pendingDeletion',
    produce: ({ server }, key) => scheduleDeletion(server.customerKms(other), inOther(key)),
  },
  {
    cause: 'Its imported key material is deleted, or has expired',
    makeKey: imported,
    state: 'misconfigured',
    produce: (_, { loseMaterialOfReplica }) => loseMaterialOfReplica?.() ?? Promise.resolve(undefined),
  },
  {
    cause: 'AWS KMS throttles',
    makeKey: replicated,
    state: 'throttled',
    produce: fault(other, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    makeKey: replicated,
    state: 'unreachable',
    produce: fault(other, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    makeKey: replicated,
    state: 'unreachable',
    produce: fault(other, 'error500'),
  },
  {
    cause: 'It was deleted, and Keyhold calls from its account',
    makeKey: ofOurs(true),
    state: 'notFound',
    produce: (scene, key) => deleteAndWait(scene, scene.ourKms(other), inOther(key)),
  },
]
