// Computes blind indexes of values here, under a leased key.
import { blindIndex } from '@keyhold/core'
import { readBoundText } from '../checks/read-bound-text.ts'
import { optional, readMembers, readOptions } from '../checks/read-members.ts'
import { readKeyName } from '../checks/read-name.ts'
import { readText } from '../checks/read-text.ts'
import { wrongMember } from '../checks/wrong-member.ts'
import type { SignalOption } from '../value-cipher.ts'
import type { DataKeyLeases } from './data-key-leases.ts'
import { signalReaders } from './files/file-options.ts'

export interface BlindIndexOptions {
  /** The name of the index's key. Nothing is encrypted with this key. */
  keyName: string
  /** Length: a multiple of 8 from 64 to 256; default 128. Shorter ones have more values in common, and leak less. */
  bits?: number
}

/** Computes indexes, which are stored beside an encrypted field so that equal values can be found. */
export interface BlindIndex {
  /**
   * The index of a value, in base64url. Equal values of one column have equal indexes. Normalise values first where
   * different spellings, such as upper and lower case, are to count as equal.
   */
  compute(value: string, place: { table: string; column: string }, options?: SignalOption): Promise<string>
}

/** @throws KeyholdClientError for a wrong option */
export function createBlindIndex(leases: DataKeyLeases, options: unknown): BlindIndex {
  const { keyName, bits = 128 } = readMembers(options, 'options', {
    keyName: readKeyName,
    bits: optional(readBits),
  })
  return {
    async compute(givenValue, givenPlace, computeOptions) {
      const { signal } = readOptions(computeOptions, signalReaders)
      const value = readText(givenValue, 'value')
      const place = readMembers(givenPlace, 'place', { table: readPlaceName, column: readPlaceName })
      return blindIndex(await leases.blindIndexKey(keyName, signal), place, value, bits)
    },
  }
}

function readBits(value: unknown, member: string): number {
  if (typeof value === 'number' && value >= 64 && value <= 256 && value % 8 === 0) return value
  throw wrongMember('ERR_CLIENT_OPTION_INVALID', member, 'a multiple of 8 from 64 to 256')
}

function readPlaceName(value: unknown, member: string): string {
  return readBoundText(value, member, 'ERR_CLIENT_OPTION_INVALID')
}
