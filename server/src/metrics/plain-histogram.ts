// A histogram that costs a request no more than a few additions: the names of series are made when somebody asks for
// them, not when a value is observed. The text format is that of Prometheus, version 0.0.4.

/** One series. */
export interface Observed {
  observe(seconds: number): void
}

export interface PlainHistogram {
  /** The series with these labels. Keep it if you use it often. */
  series(labels: Readonly<Record<string, string>>): Observed
  /** All series in the format that Prometheus reads. */
  text(): string
}

interface Series {
  labels: Readonly<Record<string, string>>
  /** One count for each bound alone, and one for everything above the last bound. */
  counts: Float64Array
  sum: number
}

/** @param bounds - upper bounds in seconds, rising */
export function createPlainHistogram(name: string, help: string, bounds: readonly number[]): PlainHistogram {
  const allSeries = new Map<string, Series>()

  function find(labels: Readonly<Record<string, string>>): Series {
    const key = JSON.stringify(labels)
    let series = allSeries.get(key)
    if (series === undefined) {
      series = { labels, counts: new Float64Array(bounds.length + 1), sum: 0 }
      allSeries.set(key, series)
    }
    return series
  }

  function linesOf({ labels, counts, sum }: Series): string[] {
    const own = Object.entries(labels).map(([label, value]) => `${label}="${escape(value)}"`)
    const lines: string[] = []
    let total = 0
    for (const [index, count] of counts.entries()) {
      total += count
      const bound = bounds[index] === undefined ? '+Inf' : String(bounds[index])
      lines.push(`${name}_bucket{${[...own, `le="${bound}"`].join(',')}} ${total}`)
    }
    const braces = own.length === 0 ? '' : `{${own.join(',')}}`
    return [...lines, `${name}_sum${braces} ${sum}`, `${name}_count${braces} ${total}`]
  }

  return {
    series(labels) {
      const series = find(labels)
      return {
        observe(seconds) {
          let index = 0
          while (index < bounds.length && seconds > (bounds[index] ?? 0)) index += 1
          series.counts[index] = (series.counts[index] ?? 0) + 1
          series.sum += seconds
        },
      }
    },
    text: () =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...[...allSeries.values()].flatMap(linesOf)]
        .map((line) => `${line}\n`)
        .join(''),
  }
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
