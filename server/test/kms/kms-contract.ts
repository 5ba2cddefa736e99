// The rules that every Kms must keep, whichever it is.
import { isKeyholdError, type Kms } from '@keyhold/core'
import { expect, test } from 'vitest'

export interface KmsUnderContract {
  kms: Kms
  /** Two keys that may be used. */
  keyArns: readonly [string, string]
  /** In the form of the Kms, but of no key. */
  unknownKeyArn: string
  /**
   * Whether the wrap is bound to the tenant key's id and version as well; AWS KMS is told the tenant alone, so that
   * there the caller's comparison of the key check value must notice.
   */
  bindsVersion: boolean
}

const ref = { tenantId: 'tenant-1', id: '0c7f2c17-4f8a-7597-9bd4-15415466a3dc', version: 1 }

export function describeKms(get: () => KmsUnderContract): void {
  async function refusal(asked: Promise<unknown>): Promise<string> {
    const error: unknown = await asked.then(
      () => new Error('it was allowed'),
      (reason: unknown) => reason,
    )
    return isKeyholdError(error) ? error.code : String(error)
  }

  test('what it wraps it unwraps, to the same 32 bytes', async () => {
    const { kms, keyArns } = get()
    for (const keyArn of keyArns) {
      const { key, wrapped } = await kms.createTenantKey(keyArn, ref)
      expect(key.symmetricKeySize).toBe(32)
      const unwrapped = await kms.unwrapTenantKey(keyArn, wrapped, ref)
      expect(unwrapped.equals(key)).toBe(true)
      expect(wrapped.includes(key.export())).toBe(false)
    }
  })

  test('no two tenant keys are the same, nor their wraps', async () => {
    const { kms, keyArns } = get()
    const made = await Promise.all(Array.from({ length: 10 }, () => kms.createTenantKey(keyArns[0], ref)))
    expect(new Set(made.map(({ key }) => key.export().toString('hex'))).size).toBe(10)
    expect(new Set(made.map(({ wrapped }) => wrapped.toString('hex'))).size).toBe(10)
  })

  test('another tenant’s wrap does not open', async () => {
    const { kms, keyArns } = get()
    const { wrapped } = await kms.createTenantKey(keyArns[0], ref)
    for (const tenantId of ['tenant-2', 'Tenant-1', 'tenant-1 ']) {
      expect(await refusal(kms.unwrapTenantKey(keyArns[0], wrapped, { ...ref, tenantId }))).toBe(
        'ERR_KMS_INVALID_CIPHERTEXT',
      )
    }
  })

  test('a wrap under another id or version does not open, where the wrap names them', async () => {
    const { kms, keyArns, bindsVersion } = get()
    const { wrapped } = await kms.createTenantKey(keyArns[0], ref)
    for (const other of [
      { ...ref, version: 2 },
      { ...ref, id: '1c7f2c17-4f8a-7597-9bd4-15415466a3dc' },
    ]) {
      const asked = kms.unwrapTenantKey(keyArns[0], wrapped, other)
      if (bindsVersion) expect(await refusal(asked)).toBe('ERR_KMS_INVALID_CIPHERTEXT')
      else await asked
    }
  })

  test('a wrap of one key does not open with another', async () => {
    const { kms, keyArns } = get()
    const { wrapped } = await kms.createTenantKey(keyArns[0], ref)
    expect(['ERR_KMS_INVALID_CIPHERTEXT', 'ERR_KEY_INTEGRITY']).toContain(
      await refusal(kms.unwrapTenantKey(keyArns[1], wrapped, ref)),
    )
  })

  test('a wrap with one bit changed, cut short or made longer does not open', async () => {
    const { kms, keyArns } = get()
    const { wrapped } = await kms.createTenantKey(keyArns[0], ref)
    const changed = [wrapped.subarray(0, -1), Buffer.concat([wrapped, Buffer.of(0)]), Buffer.alloc(0)]
    for (let byte = 0; byte < wrapped.length; byte += 7) {
      const copy = Buffer.from(wrapped)
      copy.writeUInt8(copy.readUInt8(byte) ^ 1, byte)
      changed.push(copy)
    }
    for (const each of changed) {
      // Invalid ciphertext from the KMS, or damage that is seen before it is asked.
      expect(['ERR_KMS_INVALID_CIPHERTEXT', 'ERR_KEY_INTEGRITY', 'ERR_KMS_DENIED']).toContain(
        await refusal(kms.unwrapTenantKey(keyArns[0], each, ref)),
      )
    }
  })

  test('an unknown key is not found, whatever is asked of it', async () => {
    const { kms, keyArns, unknownKeyArn } = get()
    const { wrapped } = await kms.createTenantKey(keyArns[0], ref)
    expect(await refusal(kms.createTenantKey(unknownKeyArn, ref))).toBe('ERR_KMS_KEY_NOT_FOUND')
    expect(await refusal(kms.inspectKey(unknownKeyArn, ref.tenantId))).toBe('ERR_KMS_KEY_NOT_FOUND')
    expect(['ERR_KMS_KEY_NOT_FOUND', 'ERR_KEY_INTEGRITY']).toContain(
      await refusal(kms.unwrapTenantKey(unknownKeyArn, wrapped, ref)),
    )
  })

  test('looking at a good key says which it is', async () => {
    const { kms, keyArns } = get()
    for (const keyArn of keyArns) {
      const inspection = await kms.inspectKey(keyArn, ref.tenantId)
      expect(inspection.keyArn).toBe(keyArn)
      expect(inspection.drCompliant).toBe(inspection.complianceError.code === '')
    }
  })
}
