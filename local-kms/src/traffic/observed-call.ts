// What can be seen of a call before it is carried out: faults are aimed by it and calls are counted by it.
import type { Caller } from '../callers/callers.ts'
import { readOrigin } from '../keys/ciphertext.ts'
import { peekKey } from '../operations/get-key.ts'
import type { Key } from '../keys/key-record.ts'
import type { KeyStore } from '../keys/key-store.ts'

export interface ObservedCall {
  readonly operation: string
  readonly region: string
  readonly callerAccount: string
  readonly callerArn: string
  /** The keys that the request names or that its ciphertext is under; ReEncrypt has two. */
  readonly keys: readonly Key[]
}

/** A call, at the moment at which its answer is known. */
export interface AnsweredCall extends ObservedCall {
  /** `answered`, `dropped` without an answer, `failed` inside, or the name of the exception that is answered. */
  readonly outcome: string
}

/** Every member given must fit. */
export interface CallMatch {
  readonly operation?: string | undefined
  readonly region?: string | undefined
  /** The account of the caller or of a key concerned. */
  readonly account?: string | undefined
  /** The caller's ARN. */
  readonly caller?: string | undefined
  /** A key id, which means the key and all its replicas, or the ARN of one of them. */
  readonly keyId?: string | undefined
}

export function observeCall(
  operation: string,
  caller: Caller,
  region: string,
  body: object,
  store: KeyStore,
): ObservedCall {
  const fields = new Map<string, unknown>(Object.entries(body))
  const text = (name: string): string | undefined => {
    const value = fields.get(name)
    return typeof value === 'string' ? value : undefined
  }
  const named = ['KeyId', 'SourceKeyId', 'DestinationKeyId', 'TargetKeyId'].flatMap((name) => {
    const keyId = text(name)
    return keyId === undefined ? [] : [peekKey(store, keyId, caller, region)]
  })
  const blob = text('CiphertextBlob')
  const sealedUnder = blob === undefined ? undefined : peekOrigin(store, blob, region)
  const keys = [...named, sealedUnder].filter((key) => key !== undefined)
  const distinct = [...new Map(keys.map((key) => [key.arn, key])).values()]
  return { operation, region, callerAccount: caller.account, callerArn: caller.arn, keys: distinct }
}

export function matchesCall(match: CallMatch, call: ObservedCall): boolean {
  const { operation, region, account, caller, keyId } = match
  return (
    (operation === undefined || operation === call.operation) &&
    (region === undefined || region === call.region) &&
    (account === undefined ||
      account === call.callerAccount ||
      call.keys.some((key) => key.record.account === account)) &&
    (caller === undefined || caller === call.callerArn) &&
    (keyId === undefined || call.keys.some((key) => key.record.keyId === keyId || key.arn === keyId))
  )
}

function peekOrigin(store: KeyStore, blob: string, region: string): Key | undefined {
  try {
    const { account, keyId } = readOrigin(Buffer.from(blob, 'base64'))
    return store.find(account, keyId, region)
  } catch {
    return undefined
  }
}
