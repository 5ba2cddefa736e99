// Which keys the KMS is asked for: none may be called that nobody registered.
import type { LocalKmsOptions } from '@keyhold/local-kms'

export interface RegisteredCalls {
  /** For the KMS. */
  onAnswer: NonNullable<LocalKmsOptions['onAnswer']>
  /** From now on a call of any other key is told. */
  allow(arns: readonly string[]): void
  /** The keys that were called without being registered, since it was asked the last time. */
  takeForeign(): string[]
}

export function watchCalls(): RegisteredCalls {
  let allowed: ReadonlySet<string> | undefined
  const foreign = new Set<string>()
  return {
    onAnswer({ keys }) {
      for (const { arn } of keys) if (allowed?.has(arn) === false) foreign.add(arn)
    },
    allow(arns) {
      allowed = new Set(arns)
    },
    takeForeign() {
      const arns = [...foreign]
      foreign.clear()
      return arns
    },
  }
}
