// When this replica last read the state of a key in a region and found nothing against it. The state is the key's own, whatever
// tenant is asked for: one reading is enough for all tenants under it, also where their policies or roles differ.

export interface SeenKeyStates {
  /** Whether the key was good there so short a time ago. */
  isSeen(keyArn: string, region: string, withinSeconds: number): boolean
  /** @param isGood - false: nothing is known any more */
  saw(keyArn: string, region: string, isGood: boolean): void
}

const maxSeen = 100_000

/** @param clock - monotonic milliseconds */
export function createSeenKeyStates(clock: () => number): SeenKeyStates {
  const goodMs = new Map<string, number>()
  const nameOf = (keyArn: string, region: string) => `${region}/${keyArn}`

  return {
    isSeen(keyArn, region, withinSeconds) {
      const atMs = goodMs.get(nameOf(keyArn, region))
      return atMs !== undefined && clock() - atMs < withinSeconds * 1_000
    },
    saw(keyArn, region, isGood) {
      if (!isGood) {
        goodMs.delete(nameOf(keyArn, region))
        return
      }
      if (goodMs.size >= maxSeen) goodMs.clear()
      goodMs.set(nameOf(keyArn, region), clock())
    },
  }
}
