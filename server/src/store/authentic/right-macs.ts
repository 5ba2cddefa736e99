// MACs that were found right a moment ago, each with the bytes that it covers: the same bytes need not be authenticated again.

// Some 700 bytes each.
const maxRows = 1_000

export interface RightMacs {
  has(mac: Buffer, bytes: Buffer): boolean
  add(mac: Buffer, bytes: Buffer): void
  clear(): void
}

/** @param most - beyond that many, the one that was added first is forgotten */
export function createRightMacs(most = maxRows): RightMacs {
  const covered = new Map<string, Buffer>()
  const nameOf = (mac: Buffer) => mac.toString('latin1')
  return {
    // All of the bytes are compared: the MAC is only the place where they are kept.
    has: (mac, bytes) => covered.get(nameOf(mac))?.equals(bytes) === true,
    add(mac, bytes) {
      covered.set(nameOf(mac), bytes)
      const [first] = covered.keys()
      if (covered.size > most && first !== undefined) covered.delete(first)
    },
    clear: () => {
      covered.clear()
    },
  }
}
