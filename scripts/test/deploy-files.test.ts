// `deploy/` names metrics, labels, settings and versions of the code, and some of its files are made of others. Foreign programs
// look at the rest, in `deploy/*.slow.test.ts`.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { generatedFiles, settingsOfChart } from '../deploy/generated-files.ts'
import { unknownNames } from '../deploy/query-names.ts'
import { metricCatalog } from '../../server/src/metrics/metric-catalog.ts'
import { settingTable } from '../../server/src/settings/setting-table.ts'

const root = path.join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(root, 'deploy', file), 'utf8')

interface Rules {
  groups: { rules: { alert: string; expr: string }[] }[]
}
interface RuleTests {
  tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[]
}
const rules = (parse(read('monitoring/alerts.yaml')) as Rules).groups.flatMap((group) => group.rules)

interface Dashboard {
  panels: { targets?: { expr: string }[] }[]
  templating: { list: { query: string | { query: string } }[] }
}
const queries = (JSON.parse(read('monitoring/dashboard.json')) as Dashboard).panels.flatMap(
  ({ targets = [] }) => targets.map(({ expr }) => expr),
)

test('files that follow from the code are as the code says; else run: npm run deploy:write', async () => {
  const old = (await generatedFiles(root)).filter(
    ({ file, text }) => readFileSync(path.join(root, file), 'utf8') !== text,
  )
  expect(old.map(({ file }) => file)).toEqual([])
})

test('every metric and every label of rules and dashboard exists', () => {
  expect([...rules.map(({ expr }) => expr), ...queries].flatMap(unknownNames)).toEqual([])
  expect(queries.length).toBeGreaterThan(30)
})

test('a query with a wrong name is found', () => {
  expect(unknownNames('max(keyhold_keyz) > 0')).toEqual(['there is no metric keyhold_keyz'])
  expect(unknownNames('keyhold_keys{sate="denied"}')).toEqual(['keyhold_keys has no label sate'])
  expect(unknownNames('sum by (regoin) (rate(keyhold_kms_requests_total[5m]))')).toEqual([
    'no metric of the query has the label regoin',
  ])
  expect(unknownNames('rate(keyhold_kms_call_duration_seconds[5m])')).toHaveLength(1)
  expect(unknownNames('rate(keyhold_sealed_bucket[5m])')).toHaveLength(1)
  expect(unknownNames('keyhold_kms_calls_total{outcome="region=x"}')).toEqual([])
  expect(unknownNames('up == 0')).toEqual(['names no metric of Keyhold'])
})

test('the dashboard has a panel for each metric', () => {
  const missing = Object.keys(metricCatalog).filter(
    (name) => !queries.some((query) => new RegExp(`\\b${name}(_bucket)?\\b`).test(query)),
  )
  expect(missing).toEqual([])
})

test('each alert has a test in which it fires, and one in which it does not', () => {
  const tests = (parse(read('monitoring/alerts.test.yaml')) as RuleTests).tests.flatMap(
    (each) => each.alert_rule_test,
  )
  const lacking = rules.filter(({ alert }) => {
    const own = tests.filter(({ alertname }) => alertname === alert)
    return (
      !own.some(({ exp_alerts: all }) => all.length > 0) ||
      !own.some(({ exp_alerts: all }) => all.length === 0)
    )
  })
  expect(lacking.map(({ alert }) => alert)).toEqual([])
  expect(
    tests.map(({ alertname }) => alertname).filter((name) => !rules.some(({ alert }) => alert === name)),
  ).toEqual([])
})

const settingName = /KEYHOLD_[A-Z0-9_]*[A-Z0-9]/g
const known = new Set([
  ...Object.values(settingTable).flatMap((setting) => [
    setting.variable,
    ...('fileVariable' in setting ? [setting.fileVariable] : []),
  ]),
  // Credentials of systemd.
  'KEYHOLD_ROOT_KEY',
  'KEYHOLD_TLS_CERTIFICATE',
])

test.each([
  'Dockerfile',
  'compose',
  'systemd',
  'image',
  'helm/keyhold/templates',
  'helm/keyhold/values.yaml',
  'helm/keyhold/examples',
  'monitoring/alerts.yaml',
])('deploy/%s names settings that the server has', (place) => {
  const file = path.join(root, 'deploy', place)
  const names = filesIn(file).flatMap((each) => readFileSync(each, 'utf8').match(settingName) ?? [])
  expect([...new Set(names)].filter((name) => !known.has(name))).toEqual([])
})

function filesIn(place: string): string[] {
  try {
    return readdirSync(place, { withFileTypes: true, recursive: true }).flatMap((entry) =>
      entry.isFile() ? [path.join(entry.parentPath, entry.name)] : [],
    )
  } catch {
    return [place]
  }
}

test('the schema of the chart leaves out what its templates set', () => {
  // The file of issuers may be one of the image, too: the templates refuse both.
  const names = (read('helm/keyhold/templates/workload.yaml').match(settingName) ?? []).filter(
    (name) => name !== 'KEYHOLD_ISSUERS_FILE',
  )
  const own = names.map((name) => name.replace(/(?<!ROOT_KEY)_FILE$/, ''))
  const inPod = (read('helm/keyhold/templates/_pod.tpl').match(settingName) ?? []).map((name) =>
    name.replace(/_FILE$/, ''),
  )
  expect([...new Set([...own, ...inPod])].toSorted()).toEqual(settingsOfChart.toSorted())
})

test('every file names the same version', () => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'server/package.json'), 'utf8')) as {
    version: string
  }
  const chart = parse(read('helm/keyhold/Chart.yaml')) as { version: string; appVersion: string }
  expect([chart.version, chart.appVersion]).toEqual([version, version])
  expect(read('Dockerfile').match(/(?<=VERSION=)[0-9.]+/g)).toEqual([version, version])
  expect(read('compose/compose.yaml')).toContain(`\${IMAGE_VERSION:-${version}}`)
  expect(read('compose/create-secrets.sh')).toContain(`\${IMAGE_VERSION:-${version}}`)
})

test('the units differ in what makes one replica of several, and in nothing else', () => {
  const lines = (file: string) =>
    read(file)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
  const [one, several] = [lines('systemd/keyhold.service'), lines('systemd/keyhold@.service')]
  expect(several.filter((line) => !one.includes(line))).toEqual([
    'Description=Keyhold on port %i',
    // The units are its replicas.
    'Environment=KEYHOLD_REPLICAS=1',
    'Environment=KEYHOLD_PORT=%i',
    'Environment=KEYHOLD_METRICS_PORT=1%i',
    'Environment=KEYHOLD_DATA_DIR=/var/lib/keyhold/%i',
    'Environment=HOME=/var/lib/keyhold/%i',
    'StateDirectory=keyhold/%i',
    'WorkingDirectory=/var/lib/keyhold/%i',
  ])
  expect(one.filter((line) => !several.includes(line))).toHaveLength(6)
})
