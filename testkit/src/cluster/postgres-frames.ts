// The frames of PostgreSQL's protocol (PostgreSQL 18, chapter 54.2).

/** Splits a stream into the protocol's frames. `hasType` is false before the first message, which has no type byte. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0)
  #hasType: boolean

  constructor(hasType: boolean) {
    this.#hasType = hasType
  }

  *push(chunk: Buffer): Generator<Buffer> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      const lengthAt = this.#hasType ? 1 : 0
      if (this.#rest.length < lengthAt + 4) return
      const end = lengthAt + this.#rest.readUInt32BE(lengthAt)
      if (this.#rest.length < end) return
      yield this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      this.#hasType = true
    }
  }
}
