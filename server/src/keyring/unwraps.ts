// The unwraps that run now: what a KEK answered before a denial must not be held after it.
import type { Denial } from '../store/notifications.ts'

export interface Unwrap {
  /** Whether a denial that concerns it came since it began. */
  readonly isOutdated: boolean
  end(): void
}

export interface Unwraps {
  begin(of: Required<Denial>): Unwrap
  outdate(denial: Denial): void
}

export function createUnwraps(): Unwraps {
  const running = new Map<string, Set<{ tenantId: string; isOutdated: boolean }>>()

  return {
    begin({ keyArn, tenantId }) {
      const underKey = running.get(keyArn) ?? new Set()
      running.set(keyArn, underKey)
      const state = { tenantId, isOutdated: false }
      underKey.add(state)
      return Object.assign(state, {
        end() {
          underKey.delete(state)
          if (underKey.size === 0) running.delete(keyArn)
        },
      })
    },

    outdate({ keyArn, tenantId }) {
      for (const state of running.get(keyArn) ?? []) {
        if (tenantId === undefined || state.tenantId === tenantId) state.isOutdated = true
      }
    },
  }
}
