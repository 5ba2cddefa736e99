// Progress, on a terminal that remembers its output.
import { expect, test } from 'vitest'
import { Writable } from 'node:stream'
import { contentProgress } from '../src/encryption/content-progress.ts'
import { openProgress } from '../src/output/open-progress.ts'

function terminal({ isTTY = true, columns = 120 } = {}) {
  const written: string[] = []
  const stderr = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      written.push(text)
      done()
    },
  })
  return { stderr: Object.assign(stderr, { isTTY, columns }), written }
}

test('a file shows its share, its size and the rate; quick work shows nothing; the end wipes it away', () => {
  const { stderr, written } = terminal()
  let now = 0
  const clock = () => now
  const progress = openProgress({ stderr }, { pauseMs: 100, clock })
  const textAt = contentProgress('encrypting a', 4_194_304, clock)
  now = 50
  progress.show(textAt(10))
  progress.close()
  expect(written).toEqual([])
  now = 500
  progress.show(textAt(1_048_576))
  progress.show(textAt(2_097_152))
  progress.close()
  expect(written).toEqual([
    '\r\x1b[Kkeyhold: encrypting a  [######------------------]  25 % of 4.0 MiB  2.0 MiB/s',
    '\r\x1b[K',
  ])
})

test('without a known size it counts', () => {
  let now = 0
  const textAt = contentProgress('encrypting a', undefined, () => now)
  now = 1_000
  expect(textAt(1_048_576)).toBe('encrypting a  1.0 MiB  1.0 MiB/s')
})

test('names cannot steer the terminal, and lines do not wrap, whatever their letters take', () => {
  const { stderr, written } = terminal({ columns: 20 })
  const progress = openProgress({ stderr })
  progress.show('a\x1b[2J\n')
  progress.show('漢字漢字漢字漢字')
  expect(written).toEqual(['\r\x1b[Kkeyhold: a\\u{1b}[2J', '\r\x1b[Kkeyhold: 漢字漢字漢'])
})

test('elsewhere there is a line for each stage, and one now and then', () => {
  const { stderr, written } = terminal({ isTTY: false })
  let now = 0
  const progress = openProgress({ stderr }, { pauseMs: 100, clock: () => now })
  progress.show('1 MiB')
  progress.show('copy 1', 'copy')
  progress.show('copy 2', 'copy')
  now = 10_000
  progress.show('copy 3', 'copy')
  progress.close()
  expect(written).toEqual(['keyhold: copy 1\n', 'keyhold: copy 3\n'])
})
