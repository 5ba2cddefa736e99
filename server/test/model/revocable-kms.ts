// A KMS in this process, with three KEKs that their owners can close and open again at any time.
import {
  isKeyholdError,
  KeyholdError,
  type ErrorCode,
  type ExamineKey,
  type KeyInspection,
  type Kms,
} from '@keyhold/core'
import { createSecretKey, randomBytes } from 'node:crypto'
import { createInternalKms, rootKeyArn } from '../../src/kms/internal-kms.ts'
import { keks, type Kek } from './model.ts'

export const keyArns: Readonly<Record<Kek, string>> = {
  root: rootKeyArn('00000000000000aa'),
  a: 'arn:aws:kms:eu-west-1:222222222222:key/mrk-0000000000000000000000000000000a',
  b: 'arn:aws:kms:eu-west-1:222222222222:key/mrk-0000000000000000000000000000000b',
}

export function kekOf(keyArn: string): Kek {
  const found = keks.find((kek) => keyArns[kek] === keyArn)
  if (found === undefined) throw new Error(`no KEK has the ARN ${keyArn}`)
  return found
}

/** With what a KEK is closed by its owner, and with what by circumstances. */
export const revocations: readonly ErrorCode[] = [
  'ERR_KMS_DENIED',
  'ERR_KMS_KEY_DISABLED',
  'ERR_KMS_KEY_PENDING_DELETION',
]
export const outages: readonly ErrorCode[] = ['ERR_KMS_UNREACHABLE', 'ERR_KMS_THROTTLED']

export interface RevocableKms extends Kms {
  /** From now on every call for the KEK fails so; undefined: it works again. */
  close(kek: Kek, code: ErrorCode | undefined): void
  examineKey: ExamineKey
}

export function createRevocableKms(): RevocableKms {
  const inner = new Map(
    keks.map((kek, index) => {
      const id = `00000000000000${index}0`
      const kms = createInternalKms({ id, key: createSecretKey(randomBytes(32)) })
      return [keyArns[kek], { kms, arn: rootKeyArn(id) }]
    }),
  )
  const closed = new Map<string, ErrorCode>()

  function reach(keyArn: string): { kms: Kms; arn: string } {
    const code = closed.get(keyArn)
    if (code !== undefined) throw new KeyholdError(code)
    const found = inner.get(keyArn)
    if (found === undefined) throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
    return found
  }

  async function inspectKey(keyArn: string, tenantId: string): Promise<KeyInspection> {
    const { kms, arn } = reach(keyArn)
    return { ...(await kms.inspectKey(arn, tenantId)), keyArn, multiRegion: true }
  }

  return {
    close(kek, code) {
      if (code === undefined) closed.delete(keyArns[kek])
      else closed.set(keyArns[kek], code)
    },
    async createTenantKey(keyArn, ref) {
      const { kms, arn } = reach(keyArn)
      return kms.createTenantKey(arn, ref)
    },
    async unwrapTenantKey(keyArn, wrapped, ref) {
      const { kms, arn } = reach(keyArn)
      return kms.unwrapTenantKey(arn, wrapped, ref)
    },
    inspectKey,
    async examineKey(keyArn, tenantId) {
      try {
        const inspection = await inspectKey(keyArn, tenantId)
        return { checks: [], inspection, error: undefined }
      } catch (error) {
        if (!isKeyholdError(error)) throw error
        return { checks: [], inspection: undefined, error }
      }
    },
  }
}
