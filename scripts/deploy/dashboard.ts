// The dashboard for Grafana: a panel for each metric of the catalog, so that none is forgotten and none has another name. Its
// form is that of Grafana 10 and later.
import { metricCatalog, type MetricName } from '../../server/src/metrics/metric-catalog.ts'

interface Group {
  title: string
  /** The names of its metrics, without `keyhold_`. A metric belongs to the first group that takes it. */
  takes: RegExp
}

const groups: readonly Group[] = [
  {
    title: 'Replicas and requests',
    takes: /^(build_info|sealed|quarantined|replica|http_|items|rate_limit|connection_refusals)/,
  },
  { title: 'Keys in memory', takes: /^key_cache/ },
  { title: 'AWS KMS', takes: /^kms_/ },
  { title: 'Keys of customers', takes: /^(keys|key_state|key_probes|tenants)/ },
  { title: 'Migrations and rotations', takes: /^(key_job|cipherkeys)/ },
  { title: 'Database, clock, audit trail', takes: /./ },
]

interface Target {
  expr: string
  legendFormat: string
  refId: string
}

const selection = 'job=~"$job", instance=~"$instance"'
const datasource = { type: 'prometheus', uid: '${datasource}' }
const [panelWidth, panelHeight, rowWidth] = [12, 8, 24]

/** The dashboard, as Grafana imports it. */
export function createDashboard(): object {
  const panels: object[] = []
  let y = 0
  const add = (panel: object, at: { x: number; w: number; h: number }) => {
    panels.push({ id: panels.length + 1, gridPos: { ...at, y }, ...panel })
  }
  const names = Object.keys(metricCatalog) as MetricName[]
  for (const group of groups) {
    add({ type: 'row', title: group.title, collapsed: false, panels: [] }, { x: 0, w: rowWidth, h: 1 })
    y += 1
    const own = names.filter((name) => groupOf(name) === group)
    for (const [index, name] of own.entries()) {
      const x = (index % 2) * panelWidth
      add(panelOf(name), { x, w: panelWidth, h: panelHeight })
      if (x > 0 || index === own.length - 1) y += panelHeight
    }
  }
  return {
    uid: 'keyhold',
    title: 'Keyhold',
    tags: ['keyhold'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: variables() },
    panels,
  }
}

function groupOf(name: MetricName): Group | undefined {
  return groups.find(({ takes }) => takes.test(name.replace('keyhold_', '')))
}

function variables(): object[] {
  const label = (name: string, query: string) => ({
    name,
    type: 'query',
    datasource,
    query: { query, refId: name },
    refresh: 2,
    includeAll: true,
    multi: true,
    current: { selected: true, text: ['All'], value: ['$__all'] },
  })
  return [
    { name: 'datasource', type: 'datasource', query: 'prometheus' },
    label('job', 'label_values(keyhold_build_info, job)'),
    label('instance', 'label_values(keyhold_build_info{job=~"$job"}, instance)'),
  ]
}

function panelOf(name: MetricName): object {
  const { type, help } = metricCatalog[name]
  const isTime = /_seconds(_total)?$/.test(name)
  const unit = type === 'counter' ? (isTime ? 's' : 'cps') : isTime ? 's' : 'short'
  return {
    type: 'timeseries',
    title: titleOf(name),
    description: help,
    datasource,
    fieldConfig: { defaults: { unit, min: name === 'keyhold_clock_skew_seconds' ? null : 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: targetsOf(name).map((target, index) => ({ ...target, refId: 'ABC'[index] ?? 'Z', datasource })),
  }
}

function titleOf(name: MetricName): string {
  const words = name
    .replace('keyhold_', '')
    .replace(/_total$/, '')
    .replaceAll('_', ' ')
  const { type } = metricCatalog[name]
  const title = words.replace(/\b(http|kms)\b/g, (word) => word.toUpperCase())
  return `${title[0]?.toUpperCase()}${title.slice(1)}${type === 'counter' ? ' per second' : ''}`
}

function targetsOf(name: MetricName): Omit<Target, 'refId'>[] {
  const { type, help } = metricCatalog[name]
  const labels: readonly string[] = metricCatalog[name].labels
  const legend = (words: string, shown: readonly string[]) =>
    [words, ...shown.map((label) => `{{${label}}}`)].filter((part) => part !== '').join(' ') || titleOf(name)
  if (type === 'counter') {
    const by = labels.length === 0 ? '' : ` by (${labels.join(', ')})`
    return [
      {
        expr: `sum${by} (rate(${name}{${selection}}[$__rate_interval]))`,
        legendFormat: legend('', labels),
      },
    ]
  }
  if (type === 'histogram') {
    const [first = ''] = labels
    const quantile = (part: number) => ({
      expr: `histogram_quantile(${part}, sum by (le, ${first}) (rate(${name}_bucket{${selection}}[$__rate_interval])))`,
      legendFormat: legend(`p${part * 100}`, [first]),
    })
    return [quantile(0.5), quantile(0.99)]
  }
  // A value from the database is the same on every replica.
  const shown = help.includes('From the database') ? labels : ['instance', ...labels]
  const by = shown.length === 0 ? '' : ` by (${shown.join(', ')})`
  return [{ expr: `max${by} (${name}{${selection}})`, legendFormat: legend('', shown) }]
}
