// The metrics of several replicas, put together: what counts is summed and never falls, and each gauge says whose it is.
import { expect, test } from 'vitest'
import { createMetricBook, readFamilies } from '../../src/metrics/merge-metrics.ts'
import { createPlainHistogram } from '../../src/metrics/plain-histogram.ts'
import { readMetrics } from './read-metrics.ts'

/** The page of a replica that has answered so many requests. */
function pageOf(requests: number, { waiting = 0, tenants = 7 } = {}): string {
  const histogram = createPlainHistogram('seconds', 'The time of requests.', [0.1])
  for (let each = 0; each < requests; each++) histogram.series({ route: 'a "b" } c' }).observe(each % 2)
  return `${[
    '# HELP items_total Items, {of} requests.',
    '# TYPE items_total counter',
    `items_total{operation="encrypt",outcome="a b"} ${requests}`,
    '# HELP waiting Who waits.',
    '# TYPE waiting gauge',
    `waiting ${waiting}`,
    '# HELP pool The pool.',
    '# TYPE pool gauge',
    'pool{state="busy"} 1',
    '# HELP tenants Of the database.',
    '# TYPE tenants gauge',
    ...(tenants === 0 ? [] : [`tenants{locked="false"} ${tenants}`]),
  ].join('\n')}\n${histogram.text()}`
}

const bookOf = () => createMetricBook((name) => name === 'tenants')

test('counters and histograms are summed, gauges are told apart, and what all have in common is there once', () => {
  const book = bookOf()
  book.take(2, 20, readFamilies(pageOf(3, { waiting: 5, tenants: 9 })))
  book.take(1, 10, readFamilies(pageOf(4, { waiting: 6, tenants: 0 })))
  const { value, text } = readMetrics(book.text())
  expect(value('items_total', { operation: 'encrypt', outcome: 'a b' })).toBe(7)
  expect(value('seconds_count')).toBe(7)
  // Of 3 and of 4 requests, every second one took a second.
  expect(value('seconds_bucket', { le: '0.1' })).toBe(4)
  expect(value('seconds_sum')).toBe(3)
  expect([value('waiting', { replica: '1' }), value('waiting', { replica: '2' })]).toEqual([6, 5])
  expect(value('pool', { replica: '2', state: 'busy' })).toBe(1)
  expect(text).toContain('tenants{locked="false"} 9\n')
  expect(text.match(/tenants\{/g)).toHaveLength(1)
})

test('what a replica has counted stays in the sum after its end, and while it does not answer', () => {
  const book = bookOf()
  const total = () => readMetrics(book.text()).value('items_total')
  book.take(1, 10, readFamilies(pageOf(100)))
  book.take(2, 20, readFamilies(pageOf(5)))
  book.miss(1)
  expect(total()).toBe(105)
  expect(readMetrics(book.text()).value('waiting', { replica: '1' })).toBeUndefined()
  // Another process has taken its place, twice.
  book.take(1, 11, readFamilies(pageOf(2)))
  book.take(1, 11, readFamilies(pageOf(3)))
  expect(total()).toBe(108)
  book.take(1, 12, readFamilies(pageOf(0)))
  expect(total()).toBe(108)
  expect(readMetrics(book.text()).value('seconds_count')).toBe(108)
  expect(readMetrics(book.text()).value('waiting', { replica: '1' })).toBe(0)
})
