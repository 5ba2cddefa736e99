// Metrics as Prometheus reads them, strictly.
export interface ReadMetrics {
  text: string
  /** By name: its type, and the labels of each of its series. */
  families: Map<string, { type: string; labels: string[][] }>
  /** The sum of all series of that name that have these labels; undefined: there is none. */
  value: (name: string, labels?: Record<string, string>) => number | undefined
}

const comment = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/
// The client library writes Nan, which Prometheus takes.
const sampleLine = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9.e+-]+|NaN|Nan|\+Inf)$/
const label = /([a-z_]+)="((?:[^"\\\n]|\\.)*)"(?:,|$)/gy

/** @throws Error for a line that is not in the format, a series that is there twice, or one without its type */
export function readMetrics(text: string): ReadMetrics {
  if (!text.endsWith('\n')) throw new Error('the text does not end with a line feed')
  const families: ReadMetrics['families'] = new Map()
  const series = new Map<string, { name: string; labels: Record<string, string>; value: number }>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, of = '', rest = ''] = comment.exec(line) ?? []
    if (kind === 'TYPE' && families.has(of)) throw new Error(`${of} is there twice`)
    if (kind === 'TYPE') families.set(of, { type: rest, labels: [] })
    if (kind !== undefined) continue
    const [, name, inBraces = '', value] = sampleLine.exec(line) ?? []
    if (name === undefined) throw new Error(`not in the format: ${line}`)
    const matches = [...inBraces.matchAll(label)]
    if (matches.map(([whole]) => whole).join('') !== inBraces) throw new Error(`labels of ${line}`)
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
    if (family === undefined) throw new Error(`${name} has no type before it`)
    family.labels.push(matches.map(([, each = '']) => each))
    if (series.has(`${name}{${inBraces}}`)) throw new Error(`${line} is there twice`)
    const labels = Object.fromEntries(matches.map(([, key = '', each = '']) => [key, each]))
    series.set(`${name}{${inBraces}}`, { name, labels, value: Number(value) })
  }
  return {
    text,
    families,
    value(name, labels = {}) {
      const found = [...series.values()].filter(
        (each) =>
          each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
      )
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
    },
  }
}
