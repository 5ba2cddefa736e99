// What is read when somebody asks.
import type { MetricNameOf } from './metric-catalog.ts'

/** One value of a metric. */
export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

/** Counters and gauges: what each of them is now. */
export type Samples = Record<MetricNameOf<'counter' | 'gauge'>, readonly Sample[]>
