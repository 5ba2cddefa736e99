// Cuts a stream's pieces, which have any length, into blocks of whole units, and keeps the rest for the next piece.

// As large as the blocks of files, so that a huge piece is worked on in parts.
const unitsInBlock = 64

/** Hands blocks of 1 to 64 whole units to `take`. */
export class BlockGatherer {
  readonly #unitBytes: number
  readonly #room: Buffer
  #held = 0

  constructor(unitBytes: number) {
    this.#unitBytes = unitBytes
    this.#room = Buffer.allocUnsafeSlow(unitBytes)
  }

  /** The bytes that are left over, less than a unit. */
  get rest(): Buffer {
    return this.#room.subarray(0, this.#held)
  }

  async add(piece: Uint8Array, take: (block: Uint8Array) => Promise<void>): Promise<void> {
    let from = 0
    if (this.#held > 0) {
      from = Math.min(this.#unitBytes - this.#held, piece.length)
      this.#room.set(piece.subarray(0, from), this.#held)
      this.#held += from
      if (this.#held < this.#unitBytes) return
      this.#held = 0
      await take(this.#room)
    }
    const wholeEnd = piece.length - ((piece.length - from) % this.#unitBytes)
    while (from < wholeEnd) {
      const end = Math.min(from + unitsInBlock * this.#unitBytes, wholeEnd)
      await take(piece.subarray(from, end))
      from = end
    }
    this.#room.set(piece.subarray(wholeEnd))
    this.#held = piece.length - wholeEnd
  }
}
