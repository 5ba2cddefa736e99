// The internal KMS: tenant keys under the root key.
import type { Kms } from '@keyhold/core'
import { createSecretKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createInternalKms, isRootKeyArn, rootKeyArn } from '../../src/kms/internal-kms.ts'
import { createKmsByArn } from '../../src/kms/kms-by-arn.ts'
import { describeKms } from './kms-contract.ts'

const roots = ['0123456789abcdef', 'fedcba9876543210'].map((id) => ({
  id,
  key: createSecretKey(randomBytes(32)),
}))
const [first, second] = roots.map((root) => createInternalKms(root))

// Two installations' root keys side by side, so that there are two keys to mix up.
const both: Kms = {
  createTenantKey: (keyArn, ref) => choose(keyArn).createTenantKey(keyArn, ref),
  unwrapTenantKey: (keyArn, wrapped, ref) => choose(keyArn).unwrapTenantKey(keyArn, wrapped, ref),
  inspectKey: (keyArn, tenantId) => choose(keyArn).inspectKey(keyArn, tenantId),
}

function choose(keyArn: string): Kms {
  const kms = keyArn === rootKeyArn('fedcba9876543210') ? second : first
  if (kms === undefined) throw new Error('two root keys')
  return kms
}

describe('the internal KMS', () => {
  describeKms(() => ({
    kms: both,
    keyArns: [rootKeyArn('0123456789abcdef'), rootKeyArn('fedcba9876543210')],
    unknownKeyArn: rootKeyArn('0000000000000000'),
    bindsVersion: true,
  }))
})

interface KnownWrap {
  rootKeyId: string
  rootKey: string
  tenantId: string
  id: string
  version: number
  key: string
  wrapped: string
}

const { internalTenantKeyWraps: known } = JSON.parse(
  readFileSync(new URL('../../../vectors/known-answers.json', import.meta.url), 'utf8'),
) as { internalTenantKeyWraps: KnownWrap[] }

test('the frozen wraps of tenant keys are there', () => {
  expect(known.length).toBeGreaterThanOrEqual(2)
})

test.each(known)('the frozen wrap of $tenantId, version $version, opens for ever', async (wrap) => {
  const kms = createInternalKms({
    id: wrap.rootKeyId,
    key: createSecretKey(Buffer.from(wrap.rootKey, 'hex')),
  })
  const wrapped = Buffer.from(wrap.wrapped, 'hex')
  const key = await kms.unwrapTenantKey(rootKeyArn(wrap.rootKeyId), wrapped, wrap)
  expect(key.export().toString('hex')).toBe(wrap.key)
})

test('sealed, it refuses everything with one word', async () => {
  const kms = createInternalKms(undefined)
  const keyArn = rootKeyArn('0123456789abcdef')
  const ref = { tenantId: 't', id: '0c7f2c17-4f8a-7597-9bd4-15415466a3dc', version: 1 }
  for (const ask of [
    () => kms.createTenantKey(keyArn, ref),
    () => kms.unwrapTenantKey(keyArn, Buffer.alloc(104), ref),
    () => kms.inspectKey(keyArn, 't'),
  ]) {
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_SEALED' })
  }
})

test('the key ARN alone decides which kind of KMS is asked', async () => {
  const asked: string[] = []
  const naming = (name: string): Kms => {
    const note = (keyArn: string) => {
      asked.push(`${name} ${keyArn}`)
      return Promise.reject(new Error('enough'))
    }
    return { createTenantKey: note, unwrapTenantKey: note, inspectKey: note }
  }
  const kms = createKmsByArn({ internal: naming('internal'), aws: naming('aws') })
  const ref = { tenantId: 't', id: '0c7f2c17-4f8a-7597-9bd4-15415466a3dc', version: 1 }
  for (const keyArn of [rootKeyArn('0123456789abcdef'), 'arn:aws:kms:eu-west-1:1:key/x']) {
    await expect(kms.createTenantKey(keyArn, ref)).rejects.toThrow()
    await expect(kms.unwrapTenantKey(keyArn, Buffer.alloc(1), ref)).rejects.toThrow()
    await expect(kms.inspectKey(keyArn, 't')).rejects.toThrow()
  }
  expect(asked).toEqual([
    ...Array<string>(3).fill(`internal ${rootKeyArn('0123456789abcdef')}`),
    ...Array<string>(3).fill('aws arn:aws:kms:eu-west-1:1:key/x'),
  ])
  expect(isRootKeyArn('arn:aws:kms:eu-west-1:1:keyhold:root-key/0123456789abcdef')).toBe(false)
})
