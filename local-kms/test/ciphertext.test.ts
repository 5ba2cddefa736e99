// A ciphertext is bound to its key, to its context and to every one of its bytes.
import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import { bytes, createKey, refusal, startKms, text } from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const { keyId } = await createKey(client)
const EncryptionContext = { tenantId: 'a', purpose: 'b' }

const seal = async (context: Record<string, string>, plaintext = 'secret') => {
  const input = { KeyId: keyId, Plaintext: bytes(plaintext), EncryptionContext: context }
  return (await client.send(new EncryptCommand(input))).CiphertextBlob ?? bytes('')
}
const open = (CiphertextBlob: Uint8Array, context: Record<string, string>, KeyId?: string) =>
  client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context, KeyId }))

const invalidCiphertext = { name: 'InvalidCiphertextException', message: 'UnknownError', status: 400 }

test('a ciphertext looks like a blob of AWS: the same first bytes, and 152 bytes more than the plaintext', async () => {
  const blob = await seal(EncryptionContext)
  expect(Buffer.from(blob).toString('base64')).toMatch(/^AQICAH/)
  expect(blob).toHaveLength('secret'.length + 152)
})

test('a ciphertext is different each time', async () => {
  expect(await seal(EncryptionContext)).not.toStrictEqual(await seal(EncryptionContext))
})

test('a bit flipped in any byte is refused', async () => {
  const blob = await seal(EncryptionContext)
  const accepted: number[] = []
  const names = new Set<string>()
  for (let at = 0; at < blob.length; at++) {
    const flipped = Uint8Array.from(blob, (byte, index) => (index === at ? byte ^ (1 << (at % 8)) : byte))
    await refusal(open(flipped, EncryptionContext)).then(
      ({ name }) => names.add(name),
      () => accepted.push(at),
    )
  }
  expect(accepted).toStrictEqual([])
  // Some bytes name the account and the key. When they change, they name a key that does not exist.
  expect([...names].sort()).toStrictEqual(['AccessDeniedException', 'InvalidCiphertextException'])
})

test('every truncation and an appended byte are refused', async () => {
  const blob = await seal(EncryptionContext, 'x')
  for (let length = 1; length < blob.length; length++) {
    expect(await refusal(open(blob.subarray(0, length), EncryptionContext))).toStrictEqual(invalidCiphertext)
  }
  expect(await refusal(open(Uint8Array.of(...blob, 0), EncryptionContext))).toStrictEqual(invalidCiphertext)
})

test('the order of the context does not matter', async () => {
  const { Plaintext } = await open(await seal(EncryptionContext), { purpose: 'b', tenantId: 'a' })
  expect(text(Plaintext)).toBe('secret')
})

test.each([
  ['none', {}],
  ['one pair less', { tenantId: 'a' }],
  ['one pair more', { ...EncryptionContext, more: '' }],
  ['another value', { tenantId: 'b', purpose: 'b' }],
  ['another case', { tenantId: 'A', purpose: 'b' }],
  ['another case of the name', { TenantId: 'a', purpose: 'b' }],
  ['another division of the same letters', { tenantIda: '', purpose: 'b' }],
])('another context is refused: %s', async (_, other) => {
  expect(await refusal(open(await seal(EncryptionContext), other))).toStrictEqual(invalidCiphertext)
})

test('a ciphertext is refused when the request names another key', async () => {
  const other = await createKey(client)
  expect(await refusal(open(await seal({}), {}, other.keyId))).toStrictEqual({
    name: 'IncorrectKeyException',
    message: 'The key ID in the request does not identify a CMK that can perform this operation.',
    status: 400,
  })
})
