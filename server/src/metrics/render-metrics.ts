// All metrics in the format that Prometheus reads: Keyhold's own, and those of the process and of Node.js.
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { metricCatalog } from './metric-catalog.ts'
import type { PlainHistogram } from './plain-histogram.ts'
import type { Samples } from './samples.ts'

export interface RenderedMetrics {
  contentType: string
  text: () => Promise<string>
  close(): void
}

/** @param read - called each time somebody asks */
export function renderMetrics(
  read: () => Promise<Samples>,
  histograms: readonly PlainHistogram[],
): RenderedMetrics {
  const defaults = new Registry()
  collectDefaultMetrics({ register: defaults })

  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async text() {
      const samples = await read()
      const registry = new Registry()
      for (const [name, { type, labels, help }] of Object.entries(metricCatalog)) {
        if (type === 'histogram') continue
        const options = { name, help, labelNames: [...labels], registers: [registry] }
        const metric = type === 'counter' ? new Counter(options) : new Gauge(options)
        // Otherwise an unknown metric without labels would show zero.
        if (labels.length === 0) metric.remove()
        for (const sample of samples[name as keyof Samples]) metric.inc(sample.labels, sample.value)
      }
      const own = await registry.metrics()
      return `${own}${histograms.map((each) => each.text()).join('')}${await defaults.metrics()}`
    },
    close() {
      defaults.clear()
    },
  }
}
