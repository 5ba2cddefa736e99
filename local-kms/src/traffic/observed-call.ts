// The parts of a call that are known before it is carried out. Faults are aimed and calls are counted by them.
import type { Caller } from '../callers/callers.ts'
import { isJsonObject } from '../json-object.ts'
import { parseOrigin } from '../keys/ciphertext.ts'
import { findKey, parseKeyName } from '../keys/find-key.ts'
import type { Key } from '../keys/key-record.ts'
import type { KeyStore } from '../keys/key-store.ts'

export interface ObservedCall {
  operation: string
  region: string
  callerAccount: string
  callerArn: string
  /** The keys that the request names or that its ciphertext is under; ReEncrypt has two. */
  keys: readonly Key[]
}

/** A call, at the moment at which its answer is known. */
export interface AnsweredCall extends ObservedCall {
  /** `answered`, `dropped` without an answer, `failed` inside, or the name of the exception that is answered. */
  outcome: string
}

/** Every member given must fit. */
export interface CallMatch {
  operation?: string | undefined
  region?: string | undefined
  /** The account of the caller or of a key concerned. */
  account?: string | undefined
  /** The caller's ARN. */
  caller?: string | undefined
  /** A key id, which means the key and all its replicas, or the ARN of one of them. */
  keyId?: string | undefined
}

const keyNamingMembers = ['KeyId', 'SourceKeyId', 'DestinationKeyId', 'TargetKeyId']

export function observeCall(
  operation: string,
  caller: Caller,
  region: string,
  body: unknown,
  store: KeyStore,
): ObservedCall {
  const texts = textMembersOf(body)
  const named = keyNamingMembers.map((member) =>
    lookUp(texts.get(member), (keyId) => findKey(store, parseKeyName(keyId, caller.account, region))),
  )
  const sealing = lookUp(texts.get('CiphertextBlob'), (blob) => {
    const { account, keyId } = parseOrigin(Buffer.from(blob, 'base64'))
    return store.find(account, keyId, region)
  })
  const keys = [...named, sealing].filter((key) => key !== undefined)
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

function textMembersOf(body: unknown): ReadonlyMap<string, string> {
  const members = isJsonObject(body) ? Object.entries(body) : []
  return new Map(members.filter((member): member is [string, string] => typeof member[1] === 'string'))
}

// An observer must not fail the call: the operation meets the same error, and answers it.
function lookUp(text: string | undefined, find: (text: string) => Key | undefined): Key | undefined {
  if (text === undefined) return undefined
  try {
    return find(text)
  } catch {
    return undefined
  }
}
