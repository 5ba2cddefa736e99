// The keys of one issuer, as this replica knows them. They are read in the background. A request waits for a reading only for a key
// that was never seen, and at most one is begun in 30 seconds, counted from the last attempt: whoever invents key ids reaches the
// issuer no more often. While the issuer is away, keys that are known serve for a day, and no longer: else one that it has revoked would
// live for as long as somebody keeps it away.
import { KeyholdError } from '@keyhold/core'
import type { IssuerKey, KeySet } from './parse-jwks.ts'
import type { ReadKeys } from './read-keys.ts'

/** Calls the work once, later. Answers the function that prevents it. */
export type Later = (work: () => void, delayMs: number) => () => void

export interface IssuerKeysOptions {
  /** Of the issuer. */
  name: string
  read: ReadKeys
  /** Is called at the first failure after a success, and at the first success after a failure. */
  onChanged: (error: unknown) => void
  /** Monotonic, in milliseconds. */
  clock: () => number
  later: Later
}

export interface IssuerKeys {
  /**
   * The key of that id. Undefined: as far as anybody knows, the issuer has none. Without a promise for a key that is known.
   *
   * @throws KeyholdError `ERR_ISSUER_UNREACHABLE`, also as a rejection: nobody knows
   */
  find(keyId: string): IssuerKey | undefined | Promise<IssuerKey | undefined>
  /** Reads now, unless it has just been done. */
  refresh(): Promise<void>
  /** Since the last success. Undefined: there was none. */
  ageMs(): number | undefined
  close(): void
}

const dayMs = 86_400_000
const minBetweenMs = 30_000
const afterFailureMs = 60_000
const refreshMs = { min: 300_000, max: 3_600_000 }
const msOfSecond = 1_000

export function createIssuerKeys({ name, read, onChanged, clock, later }: IssuerKeysOptions): IssuerKeys {
  let keys: KeySet = new Map()
  let succeededMs: number | undefined
  let attemptedMs = -Infinity
  let hasFailed = false
  let attempt: Promise<void> | undefined
  let cancel: ReturnType<Later> = () => undefined
  let isClosed = false

  const areFresh = () => succeededMs !== undefined && clock() - succeededMs <= dayMs
  const mayAttempt = () => attempt !== undefined || clock() - attemptedMs >= minBetweenMs

  async function tryOnce(): Promise<void> {
    attemptedMs = clock()
    let delayMs = afterFailureMs
    try {
      const { keys: newKeys, maxAgeSeconds = 0 } = await read()
      keys = newKeys
      succeededMs = attemptedMs
      delayMs = Math.min(refreshMs.max, Math.max(refreshMs.min, (maxAgeSeconds * msOfSecond) / 2))
      if (hasFailed) onChanged(undefined)
      hasFailed = false
    } catch (error) {
      if (!hasFailed) onChanged(error)
      hasFailed = true
    }
    cancel()
    if (!isClosed) cancel = later(() => void refresh(), delayMs)
  }

  /** All that ask meanwhile share it. */
  function refresh(): Promise<void> {
    if (!mayAttempt()) return Promise.resolve()
    attempt ??= tryOnce().finally(() => (attempt = undefined))
    return attempt
  }

  function unreachable(): KeyholdError {
    const waitMs = Math.max(0, attemptedMs + minBetweenMs - clock())
    return new KeyholdError('ERR_ISSUER_UNREACHABLE', {
      message: `The keys of the issuer ${name} are not known, or for too long.`,
      details: { retryAfterSeconds: String(Math.max(1, Math.ceil(waitMs / msOfSecond))) },
    })
  }

  function known(keyId: string): IssuerKey | undefined {
    if (!areFresh()) throw unreachable()
    const key = keys.get(keyId)
    // It may be a new key of an issuer that cannot be asked: that is no refusal.
    if (key === undefined && hasFailed) throw unreachable()
    return key
  }

  return {
    find(keyId) {
      if (areFresh()) {
        const key = keys.get(keyId)
        if (key !== undefined) return key
      }
      return mayAttempt() ? refresh().then(() => known(keyId)) : known(keyId)
    },
    refresh,
    ageMs: () => (succeededMs === undefined ? undefined : clock() - succeededMs),
    close() {
      isClosed = true
      cancel()
    },
  }
}
