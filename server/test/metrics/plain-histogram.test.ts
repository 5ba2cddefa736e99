// The histogram: bounds are inclusive, buckets add up, and series are as Prometheus reads them.
import { expect, test } from 'vitest'
import { createPlainHistogram } from '../../src/metrics/plain-histogram.ts'
import { readMetrics } from './read-metrics.ts'

test('what is observed is in its bucket and in all above it', () => {
  const histogram = createPlainHistogram('some_seconds', 'Some.', [0.01, 0.1, 1])
  const quick = histogram.series({ route: 'quick' })
  for (const seconds of [0, 0.01, 0.010_1, 0.5, 1, 1.5, 600]) quick.observe(seconds)
  histogram.series({ route: 'q"\\\n' }).observe(0.02)
  histogram.series({ route: 'quick' }).observe(0.02)
  const { value, families } = readMetrics(histogram.text())
  const bucket = (le: string) => value('some_seconds_bucket', { route: 'quick', le })
  expect(['0.01', '0.1', '1', '+Inf'].map(bucket)).toEqual([2, 4, 6, 8])
  expect(value('some_seconds_count', { route: 'quick' })).toBe(8)
  expect(value('some_seconds_sum', { route: 'quick' })).toBeCloseTo(603.0401, 6)
  expect(value('some_seconds_count', { route: 'q\\"\\\\\\n' })).toBe(1)
  expect(families.get('some_seconds')?.type).toBe('histogram')
})

test('without labels there are no empty braces, and without observations no series', () => {
  const histogram = createPlainHistogram('some_seconds', 'Some.', [1])
  expect(histogram.text()).toBe('# HELP some_seconds Some.\n# TYPE some_seconds histogram\n')
  histogram.series({}).observe(2)
  expect(histogram.text().split('\n').slice(2)).toEqual([
    'some_seconds_bucket{le="1"} 0',
    'some_seconds_bucket{le="+Inf"} 1',
    'some_seconds_sum 2',
    'some_seconds_count 1',
    '',
  ])
})
