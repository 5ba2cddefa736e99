// The cases of the route that tests a registered key again.
import { casesOf, unknownProvider, type RouteStatusCase } from './status-scene.ts'

export const keyTestCases: RouteStatusCase[] = casesOf('testKeyProvider', [
  {
    status: 201,
    when: 'the key can be used',
    send: async ({ withKey }) => {
      const { send, provider } = await withKey()
      return send('POST', `${provider}/actions/test`)
    },
  },
  {
    status: 400,
    code: 'Encryption-88',
    when: 'the key policy no longer names Keyhold',
    send: async ({ withKey, deny }) => {
      const { send, provider, arn } = await withKey()
      await deny(arn)
      return send('POST', `${provider}/actions/test`)
    },
  },
  {
    status: 401,
    code: 'ERR_UNAUTHENTICATED',
    when: 'the token is missing',
    send: ({ sendAnonymously }) => sendAnonymously('POST', `${unknownProvider}/actions/test`),
  },
  {
    status: 404,
    code: 'ERR_KEY_PROVIDER_NOT_FOUND',
    when: 'nothing has the fingerprint',
    send: async ({ newTenant }) => (await newTenant()).send('POST', `${unknownProvider}/actions/test`),
  },
  {
    status: 408,
    code: 'ERR_KMS_TIMEOUT',
    when: 'AWS KMS does not answer',
    send: async ({ withKey, whileKmsHangs }) => {
      const { send, provider } = await withKey()
      return whileKmsHangs(() => send('POST', `${provider}/actions/test`))
    },
  },
])
