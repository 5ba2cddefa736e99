// Bytes of the caller's, copied at once: a buffer may be filled anew, shrunk or given away while a call waits.
import { intrinsicGetter } from './intrinsic-getter.ts'

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const kindOf = intrinsicGetter(typedArray, Symbol.toStringTag)
const lengthOf = intrinsicGetter(typedArray, 'length')

/** Whether this is a Uint8Array, as Buffers are. Elements of other views are not bytes. */
export function isBytes(value: unknown): value is Uint8Array {
  return kindOf(value) === 'Uint8Array'
}

/** How many bytes there are. 0 also where the buffer was given away or shrunk: only copying tells that apart. */
export function byteCount(bytes: Uint8Array): number {
  return Number(lengthOf(bytes))
}

/** A copy in memory of its own, also of shared memory. Undefined where the buffer was given away or shrunk. */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  try {
    return new Uint8Array(bytes)
  } catch {
    return undefined
  }
}
