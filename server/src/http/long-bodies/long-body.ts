// A body that has been read and is too long to be parsed by the thread that answers requests.
import type { IncomingHttpHeaders } from 'node:http'

export class LongBody {
  readonly bytes: Buffer
  /** Whether it is one value as bytes. Otherwise it is JSON with items. */
  readonly isOctets: boolean

  constructor(bytes: Buffer, isOctets: boolean) {
    this.bytes = bytes
    this.isOctets = isOctets
  }
}

/** From this length on the work on a body would hold the event loop for milliseconds. */
export const longBodyBytes = 65_536

/** The headers that say what to do with one value as bytes. */
export type OctetHeaders = Pick<IncomingHttpHeaders, 'keyhold-key-name' | 'keyhold-context'>
