// `onAnswer` receives each call when its answer is known: measurements count from that moment.
import { DecryptCommand, DisableKeyCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import type { AnsweredCall } from '../src/index.ts'
import { bytes, createKey, refusal, startKms } from './kms-under-test.ts'

test('onAnswer receives every call with its outcome', async () => {
  const seen: AnsweredCall[] = []
  const kms = await startKms({ onAnswer: (call) => seen.push(call) })
  const client = kms.client()
  const { keyId, arn } = await createKey(client)
  const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: keyId, Plaintext: bytes('x') }))
  const decrypt = () => client.send(new DecryptCommand({ KeyId: keyId, CiphertextBlob }))
  await decrypt()
  kms.faults.add({ kind: 'refuse', count: 1, match: { operation: 'Decrypt' } })
  await decrypt().catch(() => undefined)
  await client.send(new DisableKeyCommand({ KeyId: keyId }))
  await refusal(decrypt())

  const outcomes = seen
    .filter(({ operation }) => operation === 'Decrypt')
    .map(({ outcome, region, keys }) => ({ outcome, region, keys: keys.map((key) => key.arn) }))
  const region = arn.split(':')[3]
  const one = { region, keys: [arn] }
  expect(outcomes.filter(({ outcome }) => outcome !== 'answered')).toEqual([
    { outcome: 'dropped', ...one },
    { outcome: 'DisabledException', ...one },
  ])
  expect(outcomes[0]).toEqual({ outcome: 'answered', ...one })
})
