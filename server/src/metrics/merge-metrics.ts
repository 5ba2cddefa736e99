// The metrics of several replicas as those of one: texts in the format of Prometheus, read and put together. It reads what
// `render-metrics.ts` has written, and no other dialect. What counts is summed, and never falls: what an ended replica has counted stays
// in the sum, so that the end of one is no reset. A gauge of a replica gets the label `replica`. One of the installation is the same on
// all, and is taken from the first that knows it.

interface Family {
  help: string
  type: string
  /** By the series as it is written, without its value. */
  samples: Map<string, number>
}

export type Families = ReadonlyMap<string, Family>

/** How many a replica has counted, by series. */
type Counts = Map<string, number>

export interface MetricBook {
  /** Takes what a replica says. With another `life` than before it has begun to count anew. */
  take(replica: number, life: number, families: Families): void
  /** Takes that a replica does not answer: its gauges are unknown, and what it has counted stays. */
  miss(replica: number): void
  text(): string
}

interface Page {
  life: number
  families: Families
  /** Whether it is of this time. */
  isFresh: boolean
}

export function readFamilies(text: string): Families {
  const families = new Map<string, Family>()
  let last: Family | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith('# HELP ')) {
      const [name, help] = cut(line.slice('# HELP '.length))
      last = { help, type: 'untyped', samples: new Map() }
      families.set(name, last)
    } else if (line.startsWith('# TYPE ')) {
      const [, type] = cut(line.slice('# TYPE '.length))
      if (last !== undefined) last.type = type
    } else if (line !== '' && last !== undefined) {
      // No line has a time, and no value has a space.
      const end = line.lastIndexOf(' ')
      last.samples.set(line.slice(0, end), Number(line.slice(end + 1)))
    }
  }
  return families
}

/** @param isOfInstallation - whether a gauge says the same on all replicas */
export function createMetricBook(isOfInstallation: (name: string) => boolean): MetricBook {
  const pages = new Map<number, Page>()
  const ended: Counts = new Map()

  function retire({ families }: Page): void {
    for (const { type, samples } of families.values()) if (isCounted(type)) addTo(ended, samples)
  }

  function summed(name: string): Counts {
    const sum: Counts = new Map()
    for (const { families } of pages.values()) {
      const family = families.get(name)
      if (family !== undefined) addTo(sum, family.samples)
    }
    for (const [series, value] of ended)
      if (nameOf(series, name) !== undefined) sum.set(series, (sum.get(series) ?? 0) + value)
    return sum
  }

  function gauges(name: string): Counts {
    const shown: Counts = new Map()
    for (const [replica, { families, isFresh }] of inOrder(pages)) {
      const samples = isFresh ? families.get(name)?.samples : undefined
      if (samples === undefined) continue
      if (!isOfInstallation(name)) {
        for (const [series, value] of samples) shown.set(withReplica(series, replica), value)
      } else if (samples.size > 0) return samples
    }
    return shown
  }

  return {
    take(replica, life, families) {
      const before = pages.get(replica)
      if (before !== undefined && before.life !== life) retire(before)
      pages.set(replica, { life, families, isFresh: true })
    },
    miss(replica) {
      const page = pages.get(replica)
      if (page !== undefined) page.isFresh = false
    },
    text() {
      const heads = new Map<string, Family>()
      for (const [, { families }] of inOrder(pages))
        for (const [name, family] of families) if (!heads.has(name)) heads.set(name, family)
      return [...heads]
        .map(([name, { help, type }]) => {
          const samples = isCounted(type) ? summed(name) : gauges(name)
          const lines = [...samples].map(([series, value]) => `${series} ${shownValue(value)}\n`)
          return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
        })
        .join('')
    },
  }
}

function isCounted(type: string): boolean {
  return type === 'counter' || type === 'histogram'
}

function addTo(sum: Counts, samples: ReadonlyMap<string, number>): void {
  for (const [series, value] of samples) sum.set(series, (sum.get(series) ?? 0) + value)
}

function inOrder(pages: ReadonlyMap<number, Page>): [number, Page][] {
  return [...pages].toSorted(([one], [other]) => one - other)
}

/** Undefined: the series belongs to another family. */
function nameOf(series: string, family: string): string | undefined {
  if (!series.startsWith(family)) return undefined
  return /^(?:|_bucket|_sum|_count)(?:\{|$)/.test(series.slice(family.length)) ? family : undefined
}

function withReplica(series: string, replica: number): string {
  const brace = series.indexOf('{')
  return brace < 0
    ? `${series}{replica="${replica}"}`
    : `${series.slice(0, brace)}{replica="${replica}",${series.slice(brace + 1)}`
}

function shownValue(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function cut(text: string): [string, string] {
  const space = text.indexOf(' ')
  return [text.slice(0, space), text.slice(space + 1)]
}
