// Random choices that a seed repeats. The seed repeats what is sent, not when it arrives.

export interface SeededRandom {
  /** From 0 up to 1. */
  next(): number
  /** A whole number from `min` to `max`, both possible. */
  integer(min: number, max: number): number
  pick<Item>(items: readonly Item[]): Item
  /** Bytes that differ from most others; not to be written to. */
  bytes(length: number): Buffer
}

const blockBytes = 2_097_152

/** Mulberry32: small, seeded, and good enough for choices. Each call answers a number from 0 up to 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** All bytes are parts of one block, so that values that are kept for comparison need no memory of their own. */
function randomBlock(seed: number): Buffer {
  const next = mulberry32(seed)
  const block = Buffer.alloc(blockBytes)
  for (let at = 0; at < blockBytes; at += 4) block.writeUInt32LE(Math.floor(next() * 2 ** 32), at)
  return block
}

export function createSeededRandom(seed: number): SeededRandom {
  const next = mulberry32(seed)

  function integer(min: number, max: number): number {
    return min + Math.floor(next() * (max - min + 1))
  }

  // Made at first use: it takes longer than most of what asks for choices alone.
  let block: Buffer | undefined

  return {
    next,
    integer,
    pick(items) {
      const item = items[integer(0, items.length - 1)]
      if (item === undefined) throw new RangeError('"items" expected at least one')
      return item
    },
    bytes(length) {
      const start = integer(0, blockBytes - length)
      block ??= randomBlock(seed)
      return block.subarray(start, start + length)
    },
  }
}
