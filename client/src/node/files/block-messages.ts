// The messages between a program and a thread that seals and opens blocks of files. Blocks are handed over with their memory, and come
// back with it: nothing is copied, and the two never work on the same bytes.
import { KeyholdError, openBlock, sealBlock, type BlockKey } from '@keyhold/core'

export interface BlockWork {
  action: 'seal' | 'open'
  blockKey: BlockKey
  firstIndex: number
  isLast: boolean
  /** Its first `length` bytes are the block. */
  input: Uint8Array<ArrayBuffer>
  length: number
  /** Receives the result. */
  output: Uint8Array<ArrayBuffer>
}

export interface WorkedBlock {
  input: Uint8Array<ArrayBuffer>
  output: Uint8Array<ArrayBuffer>
  /** The bytes of `output` that are the result. */
  written: number
}

/** The parts of a `KeyholdError`: its class gets lost on the way. */
export interface Refusal {
  code: KeyholdError['code']
  message: string
  details: KeyholdError['details']
}

export type FromThread =
  /** The first one: the thread is there. */
  { ready: true } | { id: number; worked: WorkedBlock } | { id: number; refusal: Refusal | undefined }

export interface ToThread {
  id: number
  work: BlockWork
}

/** @throws KeyholdError `ERR_DECRYPTION_FAILED` */
export function workOn(work: BlockWork): WorkedBlock {
  const { action, blockKey, firstIndex, isLast, input, length, output } = work
  const block = { firstIndex, isLast, bytes: input.subarray(0, length) }
  const target = Buffer.from(output.buffer, output.byteOffset, output.length)
  const written = (action === 'seal' ? sealBlock : openBlock)(blockKey, block, target)
  return { input, output, written }
}
