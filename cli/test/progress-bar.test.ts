// The progress bar, on a terminal that remembers its output.
import { expect, test } from 'vitest'
import { openProgressBar } from '../src/encryption/progress-bar.ts'

function terminal(isTTY = true, columns = 120) {
  const written: string[] = []
  return { isTTY, columns, written, write: (text: string) => written.push(text) }
}

test('it shows the share, the size and the rate, and wipes itself away', () => {
  const screen = terminal()
  let now = 0
  const bar = openProgressBar({
    title: 'encrypting a',
    totalBytes: 4_194_304,
    terminal: screen,
    clock: () => now,
  })
  bar.show(10)
  expect(screen.written).toEqual([])
  now = 500
  bar.show(1_048_576)
  bar.show(2_097_152)
  bar.close()
  expect(screen.written).toEqual([
    '\r\x1b[Kkeyhold: encrypting a  [######------------------]  25 % of 4.0 MiB  2.0 MiB/s',
    '\r\x1b[K',
  ])
})

test('without a known size it counts; names cannot steer the terminal; lines do not wrap', () => {
  const screen = terminal(true, 50)
  let now = 0
  const bar = openProgressBar({
    title: 'a\x1b[2J\n',
    totalBytes: undefined,
    terminal: screen,
    clock: () => now,
  })
  now = 1_000
  bar.show(1_048_576)
  expect(screen.written).toEqual(['\r\x1b[Kkeyhold: a\\u{1b}[2J\\u{a}  1.0 MiB  1.0 MiB/s'])
  now = 2_000
  openProgressBar({ title: 'x'.repeat(99), totalBytes: 1, terminal: screen, clock: () => (now += 500) }).show(
    1,
  )
  expect(screen.written.at(-1)).toHaveLength(4 + 49)
})

test('elsewhere it is silent', () => {
  const log = terminal(false)
  const bar = openProgressBar({ title: 'a', totalBytes: 1, terminal: log, clock: () => Math.random() * 1e9 })
  bar.show(1)
  bar.close()
  expect(log.written).toEqual([])
})
