// Cuts a stream's pieces, of any length, into blocks of whole units, gathering what is left over for the next piece.

// As large as a file's blocks: a huge piece is worked on in parts.
const unitsInBlock = 64

/** Feeds `take` with blocks of 1 to 64 whole units. */
export class BlockGatherer {
  readonly #unitBytes: number
  readonly #room: Buffer
  #held = 0

  constructor(unitBytes: number) {
    this.#unitBytes = unitBytes
    this.#room = Buffer.allocUnsafeSlow(unitBytes)
  }

  /** What is left over, less than a unit. */
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
