// The files of `deploy/` that follow from the code: the dashboard from the catalog of metrics, the names of settings in the
// chart's schema from the table of settings, and the chart's copies of files that are used without it, too. Helm reads
// nothing outside of a chart's folder.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { format } from 'oxfmt'
import { settingTable } from '../../server/src/settings/setting-table.ts'
import { createDashboard } from './dashboard.ts'

export interface GeneratedFile {
  /** Path from the root of the repository. */
  file: string
  text: string
}

const chart = 'deploy/helm/keyhold'

/** Settings that the chart's templates set themselves, from values of their own or as files. */
export const settingsOfChart: readonly string[] = [
  'KEYHOLD_HOST',
  'KEYHOLD_PORT',
  // Pods are its replicas.
  'KEYHOLD_REPLICAS',
  'KEYHOLD_HEALTH_HOST',
  'KEYHOLD_HEALTH_PORT',
  'KEYHOLD_METRICS_HOST',
  'KEYHOLD_METRICS_PORT',
  'KEYHOLD_DATA_DIR',
  'KEYHOLD_STATE_DIR',
  'KEYHOLD_ROOT_KEY_FILE',
  'KEYHOLD_DATABASE_URL',
  'KEYHOLD_ALLOW_UNVERIFIED_DATABASE',
  'KEYHOLD_DATABASE_CONNECTIONS',
  'KEYHOLD_DRAIN_SECONDS',
  'KEYHOLD_KMS_ACCESS_KEY_ID',
  'KEYHOLD_KMS_SECRET_ACCESS_KEY',
]

// Not in the packages, and so not in the image.
const notShipped = new Set(['KEYHOLD_FAILPOINTS'])

export async function generatedFiles(root: string): Promise<GeneratedFile[]> {
  const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
  const dashboard = await json('dashboard.json', createDashboard())
  return [
    { file: 'deploy/monitoring/dashboard.json', text: dashboard },
    { file: `${chart}/files/dashboard.json`, text: dashboard },
    { file: `${chart}/files/alerts.yaml`, text: read('deploy/monitoring/alerts.yaml') },
    {
      file: `${chart}/values.schema.json`,
      text: await json('schema.json', schemaOf(read(`${chart}/values.schema.json`))),
    },
  ]
}

interface Schema {
  properties: { settings: object }
}

/** The schema of the chart's values, with the settings that there are today. */
function schemaOf(text: string): Schema {
  const schema = JSON.parse(text) as Schema
  const names = Object.values(settingTable).map(({ variable }) => variable)
  const free = names.filter(
    (name) => name.startsWith('KEYHOLD_') && !settingsOfChart.includes(name) && !notShipped.has(name),
  )
  const properties = Object.fromEntries(
    free.toSorted().map((name) => [name, { type: ['string', 'number', 'boolean'] }]),
  )
  const settings = { type: 'object', additionalProperties: false, properties }
  return { ...schema, properties: { ...schema.properties, settings } }
}

async function json(name: string, content: object): Promise<string> {
  return (await format(name, JSON.stringify(content, undefined, 2), { printWidth: 110 })).code
}
