// Remembers, for seconds, which regions did not answer, so that not every call waits for them again; and which keys were
// denied in their own region, for which no other region may stand in.
import { isKeyStoreOutage, isPolicyDenial, kindOf, type ErrorCode } from '@keyhold/core'

/** How long a region is passed over before one call tries it again. */
const awayMs = 5_000
// One key may hang alone. Only after this many keys have waited in vain is the region taken to be away.
const keysOfAnOutage = 3
const maxEntries = 10_000

export interface RegionMemory {
  /**
   * Why the key's own region is to be passed over; undefined: ask it. When the time is over, one caller is asked to try
   * it again, while the others still pass it over.
   */
  away(keyArn: string, region: string): ErrorCode | 'try-again' | undefined
  /** Why the region is away, if that was found since then. */
  awaySince(keyArn: string, region: string, sinceMs: number): ErrorCode | undefined
  /** Whether the last answer about the key in its own region was a denial. */
  isDenied(keyArn: string, tenantId: string): boolean
  answered(keyArn: string, region: string, tenantId: string): void
  failed(keyArn: string, region: string, tenantId: string, code: ErrorCode): void
}

/** @param clock - monotonic milliseconds */
export function createRegionMemory(clock: () => number): RegionMemory {
  const away = new Map<string, { foundMs: number; untilMs: number; code: ErrorCode }>()
  const waitedInVain = new Map<string, Set<string>>()
  const denied = new Set<string>()

  function pass(name: string, code: ErrorCode): void {
    if (away.size >= maxEntries) away.clear()
    away.set(name, { foundMs: clock(), untilMs: clock() + awayMs, code })
  }

  function rememberOutage(keyArn: string, region: string, code: ErrorCode): void {
    pass(keyArn, code)
    if (isKeyStoreOutage(code)) return
    const keys = waitedInVain.get(region) ?? new Set()
    waitedInVain.set(region, keys.add(keyArn))
    const isWhole = code === 'ERR_KMS_UNREACHABLE' || code === 'ERR_KMS_PROXY'
    if (isWhole || keys.size >= keysOfAnOutage) pass(region, code)
  }

  return {
    away(keyArn, region) {
      for (const name of [region, keyArn]) {
        const entry = away.get(name)
        if (entry === undefined) continue
        if (entry.untilMs > clock()) return entry.code
        // This caller tries. Others that come meanwhile do not wait for the outcome.
        entry.untilMs = clock() + awayMs
        return 'try-again'
      }
      return undefined
    },
    awaySince(keyArn, region, sinceMs) {
      const found = [away.get(region), away.get(keyArn)].find((entry) => entry && entry.foundMs > sinceMs)
      return found?.code
    },
    isDenied: (keyArn, tenantId) => denied.has(keyArn) || denied.has(`${keyArn}/${tenantId}`),
    answered(keyArn, region, tenantId) {
      away.delete(keyArn)
      away.delete(region)
      waitedInVain.delete(region)
      denied.delete(keyArn)
      denied.delete(`${keyArn}/${tenantId}`)
    },
    failed(keyArn, region, tenantId, code) {
      const kind = kindOf(code)
      if (kind === 'outage') rememberOutage(keyArn, region, code)
      else if (kind === 'denial') remember(denied, isPolicyDenial(code) ? `${keyArn}/${tenantId}` : keyArn)
    },
  }
}

// The oldest denial is forgotten first: every replica has had the most time to evict its keys.
function remember(names: Set<string>, name: string): void {
  const [oldest] = names
  if (names.size >= maxEntries && oldest !== undefined) names.delete(oldest)
  names.add(name)
}
