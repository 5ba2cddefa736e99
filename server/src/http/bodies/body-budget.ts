// How many bytes of bodies a replica has in memory at once: in all, and of one tenant. A request asks before its body is
// read, and gives the bytes back when its answer is sent or its connection has ended.
import { KeyholdError } from '@keyhold/core'
import { createFairLines, type FairLines } from '../../event-loop/fair-lines.ts'

/** Shorter bodies are not counted: all connections together have room for them. */
export const uncountedBytes = 16_384

export interface BodyAsker {
  /** Whose share it uses: a tenant's id, or a name for operators. */
  share: string
  bytes: number
}

export interface BodyBudget extends FairLines<BodyAsker> {
  /** Whether somebody else waits who has room in a share of their own. */
  isWantedByOthers(share: string): boolean
}

export interface BodyBudgetOptions {
  totalBytes: number
  /** At most the total. At least the longest body, which would never be read otherwise. */
  tenantBytes: number
  maxWaitMs: number
}

// A body that waits has its first bytes in memory, and a connection.
const maxWaiting = 200

/** `enter` throws, and rejects with, a KeyholdError `ERR_TENANT_BUSY` or `ERR_SERVER_BUSY`. */
export function createBodyBudget({ totalBytes, tenantBytes, maxWaitMs }: BodyBudgetOptions): BodyBudget {
  let usedBytes = 0
  const usedByShare = new Map<string, number>()

  function fitsShare({ share, bytes }: BodyAsker): boolean {
    return (usedByShare.get(share) ?? 0) + bytes <= tenantBytes
  }

  const lines = createFairLines<BodyAsker>({
    maxWaitMs,
    maxWaiting,
    lineOf: ({ share }) => share,
    hasRoom: (asker) => usedBytes + asker.bytes <= totalBytes && fitsShare(asker),

    count({ share, bytes }, by) {
      usedBytes += by * bytes
      const ofShare = (usedByShare.get(share) ?? 0) + by * bytes
      if (ofShare === 0) usedByShare.delete(share)
      else usedByShare.set(share, ofShare)
    },

    refusal: (asker) => new KeyholdError(fitsShare(asker) ? 'ERR_SERVER_BUSY' : 'ERR_TENANT_BUSY'),
  })
  return {
    ...lines,
    isWantedByOthers: (share) =>
      lines.firstWaiting().some((asker) => asker.share !== share && fitsShare(asker)),
  }
}
