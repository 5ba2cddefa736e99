// Causes in the external key store of a key. AWS KMS says all of them with one exception.
import type { BackingFailure } from '@keyhold/local-kms'
import type { CauseScene, Key, OwnCause } from './cause-scene.ts'
import { external } from './special-keys.ts'

const failing =
  (failure: BackingFailure) =>
  (_: CauseScene, { store }: Key) =>
    Promise.resolve(store?.fail(failure))

const how = (failure: BackingFailure) => `\`kms.backingFailures.put(proxy, '${failure}')\``

const notThePolicy =
  'A refusal by the key policy or a state of the KMS key: both allow it. Nor an outage: the proxy has answered.'
const notARefusal =
  'A refusal, and least of all lost key material: requests get 503 and may be repeated, keys in memory serve until their time ends. Nor an outage of the region: other keys there are not asked elsewhere.'

export const causesOfKeyStores: OwnCause[] = [
  {
    cause: 'The external key store denies access, or does not accept AWS’s credentials',
    how: `${how('AccessDeniedException')}; or \`AuthenticationFailedException\``,
    notFor: notThePolicy,
    makeKey: external,
    state: 'denied',
    answer: '424 ERR_KMS_EXTERNAL_KEY_DENIED',
    produce: failing('AccessDeniedException'),
  },
  {
    cause: 'The key is disabled in the external key manager',
    how: how('InvalidStateException'),
    notFor: 'A KMS key that is disabled: to enable it in AWS changes nothing.',
    makeKey: external,
    state: 'disabled',
    answer: '424 ERR_KMS_EXTERNAL_KEY_DISABLED',
    produce: failing('InvalidStateException'),
  },
  {
    cause: 'The external key manager has no such key',
    how: how('KeyNotFoundException'),
    notFor: 'A KMS key that was deleted: it is there, and still names the external one.',
    makeKey: external,
    state: 'notFound',
    answer: '424 ERR_KMS_EXTERNAL_KEY_NOT_FOUND',
    produce: failing('KeyNotFoundException'),
  },
  {
    cause: 'The proxy of the external key store does not answer',
    how: how('SocketTimeout'),
    notFor: notARefusal,
    makeKey: external,
    state: 'unreachable',
    answer: '503 ERR_KMS_KEY_STORE_UNREACHABLE',
    produce: failing('SocketTimeout'),
  },
  {
    cause: 'The external key store is not connected',
    how: '`DisconnectCustomKeyStore`',
    notFor: notARefusal,
    makeKey: external,
    state: 'unreachable',
    answer: '503 ERR_KMS_KEY_STORE_UNREACHABLE',
    produce: async (_, { store }) => {
      await store?.disconnect()
      return () => store?.connect()
    },
  },
  {
    cause: 'The proxy of the external key store throttles',
    how: how('ThrottlingException'),
    notFor: `${notARefusal} Nor throttling by AWS KMS, whose quota has room.`,
    makeKey: external,
    state: 'throttled',
    answer: '503 ERR_KMS_KEY_STORE_THROTTLED',
    produce: failing('ThrottlingException'),
  },
]
