// The values that are read when somebody asks for the metrics.
import type { MetricNameOf } from './metric-catalog.ts'

/** One value of a metric. */
export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

/** The present values of each counter and gauge. */
export type Samples = Record<MetricNameOf<'counter' | 'gauge'>, readonly Sample[]>
