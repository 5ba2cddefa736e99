// Shared by the tests of core: keys by number, the code of a refusal, changed copies of bytes.
import type { KeyObject } from 'node:crypto'
import { keyFromBytes, type DataKey, type TenantKey } from '../src/data-key.ts'
import { KeyholdError } from '../src/errors.ts'

/** The number of runs of every property; SLOW=1 asks for many more. */
export const numRuns = process.env.SLOW === '1' ? 100_000 : 1_000

export const tenantId = '018f3c1e-7b1a-7c55-9a3e-0d5b8c1f2a10'

/** A key whose bytes are all `byte`. */
export function testKey(byte: number): KeyObject {
  return keyFromBytes(Buffer.alloc(32, byte))
}

export function testDataKey(changes: Partial<DataKey> = {}): DataKey {
  return { tenantId, id: '018f3c1e-0000-7000-8000-0000000000d1', version: 1, key: testKey(1), ...changes }
}

export function testTenantKey(changes: Partial<TenantKey> = {}): TenantKey {
  return {
    ...{ tenantId, id: '018f3c1e-0000-7000-8000-0000000000a1', version: 1, format: 2, key: testKey(2) },
    ...changes,
  }
}

/** The code with which `action` is refused, or "accepted". Errors other than KeyholdErrors are rethrown. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof KeyholdError) return error.code
    throw error
  }
  return 'accepted'
}

/** The codes with which `open` refuses the variants, each once. */
export function codesOf<T>(variants: Iterable<T>, open: (variant: T) => unknown): string[] {
  const codes = new Set<string>()
  for (const variant of variants) codes.add(codeOf(() => open(variant)))
  return [...codes]
}

/** A copy of `bytes` with one bit changed; bit 0 is the lowest of byte 0. */
export function withFlippedBit(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(bit / 8)
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit % 8)), at)
  return copy
}

/** All copies of `bytes` that differ in one bit. */
export function* flippedBits(bytes: Buffer): Generator<Buffer> {
  for (let bit = 0; bit < bytes.length * 8; bit++) yield withFlippedBit(bytes, bit)
}

/** All prefixes, from the empty one to all bytes but the last. */
export function* truncations(bytes: Buffer): Generator<Buffer> {
  for (let end = 0; end < bytes.length; end++) yield bytes.subarray(0, end)
}
