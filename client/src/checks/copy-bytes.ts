// Copies the caller's bytes at once: while a call waits, the caller may fill the buffer again, shrink it or give it
// away.
import { intrinsicGetter } from './intrinsic-getter.ts'

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const kindOf = intrinsicGetter(typedArray, Symbol.toStringTag)
const lengthOf = intrinsicGetter(typedArray, 'length')

/** Whether this is a Uint8Array; Buffers are. The elements of other views are not bytes. */
export function isBytes(value: unknown): value is Uint8Array {
  return kindOf(value) === 'Uint8Array'
}

/**
 * The number of bytes. It is 0 where the buffer was given away or shrunk, too; only copying tells these cases apart.
 */
export function byteCount(bytes: Uint8Array): number {
  return Number(lengthOf(bytes))
}

/**
 * A copy in memory of its own, also for bytes in shared memory. Undefined where the buffer was given away or shrunk.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  try {
    return new Uint8Array(bytes)
  } catch {
    return undefined
  }
}
