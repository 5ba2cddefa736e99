// Registrations of keys that do not survive the loss of their region, with the code that they are told.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import { createKey, policyWithout, setPolicy } from '../../http/scene.ts'
import type { TestServer } from '../../../../testkit/src/server/start-test-server.ts'
import { other, own } from './cause-scene.ts'

// Registrations and tests describe a key's way out of a region that fails.
export const compliances: {
  cause: string
  onStrict?: true
  code: string
  makeKey: (on: TestServer) => Promise<string>
}[] = [
  { cause: 'A single-region key', code: 'ERR_KEY_SINGLE_REGION', makeKey: (on) => createKey(on) },
  {
    cause: 'A multi-region key without a replica',
    code: 'ERR_KEY_SINGLE_REGION',
    makeKey: (on) => createKey(on, { MultiRegion: true }),
  },
  {
    cause: 'A replica, but not in the region that `KEYHOLD_DR_REGIONS` names',
    onStrict: true,
    code: 'ERR_KEY_SINGLE_REGION',
    makeKey: (on) => on.createCustomerKey(),
  },
  ...['GenerateDataKey', 'Decrypt', 'DescribeKey'].map((action) => ({
    cause: `A replica whose policy lacks \`kms:${action}\``,
    code: 'Encryption-88',
    makeKey: async (on: TestServer) => {
      const arn = await on.createCustomerKey()
      await setPolicy(on.customerKms(other), arn.replace(own, other), policyWithout(action))
      return arn
    },
  })),
  {
    cause: 'A replica that is disabled',
    code: 'ERR_KMS_KEY_DISABLED',
    makeKey: async (on) => {
      const arn = await on.createCustomerKey()
      await on.customerKms(other).send(new DisableKeyCommand({ KeyId: arn.replace(own, other) }))
      return arn
    },
  },
]
