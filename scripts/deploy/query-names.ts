// The names in a query of Prometheus. A rule about a metric that does not exist never fires, and nothing says so.
import { metricCatalog } from '../../server/src/metrics/metric-catalog.ts'

const catalog: Readonly<Record<string, { type: string; labels: readonly string[] }>> = metricCatalog

/** Labels that Prometheus adds when it reads a replica. */
const ofScrape = ['job', 'instance', 'namespace', 'pod']

/** One line for each metric or label in the query that Keyhold does not have. */
export function unknownNames(query: string): string[] {
  const plain = withoutTexts(query)
  const metrics = [...new Set(plain.match(/\bkeyhold_\w+/g) ?? [])]
  if (metrics.length === 0) return ['names no metric of Keyhold']
  const problems = metrics.flatMap((name) =>
    labelsOf(name) === undefined ? [`there is no metric ${name}`] : [],
  )
  for (const [, metric = '', inside = ''] of plain.matchAll(/\b(keyhold_\w+)\{([^}]*)\}/g)) {
    const known = [...(labelsOf(metric) ?? []), ...ofScrape]
    for (const label of labelNames(inside))
      if (!known.includes(label)) problems.push(`${metric} has no label ${label}`)
  }
  const ofAny = [...metrics.flatMap((name) => labelsOf(name) ?? []), ...ofScrape]
  for (const [, inside = ''] of plain.matchAll(/\b(?:by|without|on|ignoring) *\(([^)]*)\)/g)) {
    for (const label of inside.split(',').map((each) => each.trim()))
      if (label !== '' && !ofAny.includes(label))
        problems.push(`no metric of the query has the label ${label}`)
  }
  return problems
}

function withoutTexts(query: string): string {
  return query.replaceAll(/"[^"]*"/g, '""')
}

function labelNames(inside: string): string[] {
  return [...inside.matchAll(/(\w+) *(?:=~|!~|!=|=)/g)].map(([, name = '']) => name)
}

/** The labels of a series by its name; undefined: there is no such series. */
function labelsOf(name: string): readonly string[] | undefined {
  const own = catalog[name]
  // A histogram has no series of its plain name.
  if (own !== undefined) return own.type === 'histogram' ? undefined : own.labels
  const [, base = '', part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? []
  const histogram = catalog[base]
  if (histogram?.type !== 'histogram') return undefined
  return part === 'bucket' ? [...histogram.labels, 'le'] : histogram.labels
}
