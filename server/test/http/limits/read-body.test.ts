// The reading of one body ends once, whatever ends it.
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { readBody } from '../../../src/http/bodies/read-body.ts'

test('a client that goes away while its body waits for room ends it once', () => {
  const payload = new PassThrough()
  const ends: unknown[] = []
  let refuse = (_error: Error): void => undefined
  const options = {
    announcedBytes: undefined,
    maxBytes: 100_000,
    admitLongest: (done: (error?: Error) => void) => {
      refuse = done
    },
  }
  readBody(payload, options, (error) => ends.push((error as { code?: string } | null)?.code))
  payload.emit('data', Buffer.alloc(20_000))
  payload.emit('error', new Error('aborted'))
  refuse(new Error('nobody waits any more'))
  payload.emit('end')
  expect(ends).toEqual(['ERR_INVALID_REQUEST'])
})
