// Bytes whose memory can be given to another thread.
import { longBodyBytes } from './long-body.ts'

/** Copies short ones: buffers up to a few KiB share memory with others, and would take it with them. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const isAlone = bytes.byteLength >= longBodyBytes && bytes.buffer instanceof ArrayBuffer
  return isAlone ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
