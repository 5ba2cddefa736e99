import { isKeyholdError } from '@keyhold/core'
import { calculateJwkThumbprint, compactVerify, importSPKI, type JWK } from 'jose'
import { createSecretKey, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSigningKey, openSigningKey, signJws } from '../../src/kms/signing-key.ts'

const rootKey = () => ({ id: '0123456789abcdef', key: createSecretKey(randomBytes(32)) })
const code = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return isKeyholdError(error) ? error.code : String(error)
  }
  return undefined
}

test('what it signs, another implementation verifies by the public key alone, and knows it by its thumbprint', async () => {
  const root = rootKey()
  const key = openSigningKey(root, createSigningKey(root))
  const publicKey = await importSPKI(
    key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    'EdDSA',
  )
  const { payload, protectedHeader } = await compactVerify(signJws(key, { a: 1, ü: 'ß' }), publicKey)
  expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({ a: 1, ü: 'ß' })
  expect(protectedHeader).toEqual({ alg: 'EdDSA', kid: key.id })
  expect(await calculateJwkThumbprint(key.publicKey.export({ format: 'jwk' }) as JWK)).toBe(key.id)
})

test('it opens with its own root key and beside its own public key alone', () => {
  const root = rootKey()
  const [stored, other] = [createSigningKey(root), createSigningKey(root)]
  expect(openSigningKey(root, stored).id).toBe(stored.id)
  expect(code(() => openSigningKey(rootKey(), stored))).toBe('ERR_KEY_INTEGRITY')
  expect(code(() => openSigningKey({ ...root, id: 'fedcba9876543210' }, stored))).toBe('ERR_KEY_INTEGRITY')
  for (const part of ['id', 'publicKey', 'privateKeyWrapped'] as const) {
    expect(
      code(() => openSigningKey(root, { ...stored, [part]: other[part] })),
      part,
    ).toBe('ERR_KEY_INTEGRITY')
  }
})
