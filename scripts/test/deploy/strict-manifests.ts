// Compares manifests with the schemas of Kubernetes, offline: those of the npm package `kubernetes-models`. Its checks know types,
// enumerations and what is required, and pass over keys that they do not know, such as a misspelt one. So this also looks
// which keys they have read: one that nobody reads means nothing.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Manifest } from './rendered-chart.ts'
import { run } from './tools.ts'

const packages = ['kubernetes-models@5.1.0', '@kubernetes-models/prometheus-operator@6.0.0']

const schemas: Readonly<Record<string, string>> = {
  'v1 ConfigMap': 'IoK8sApiCoreV1ConfigMap',
  'v1 Service': 'IoK8sApiCoreV1Service',
  'v1 ServiceAccount': 'IoK8sApiCoreV1ServiceAccount',
  'apps/v1 Deployment': 'IoK8sApiAppsV1Deployment',
  'apps/v1 StatefulSet': 'IoK8sApiAppsV1StatefulSet',
  'autoscaling/v2 HorizontalPodAutoscaler': 'IoK8sApiAutoscalingV2HorizontalPodAutoscaler',
  'batch/v1 Job': 'IoK8sApiBatchV1Job',
  'networking.k8s.io/v1 Ingress': 'IoK8sApiNetworkingV1Ingress',
  'networking.k8s.io/v1 NetworkPolicy': 'IoK8sApiNetworkingV1NetworkPolicy',
  'policy/v1 PodDisruptionBudget': 'IoK8sApiPolicyV1PodDisruptionBudget',
}
const operatorSchemas: Readonly<Record<string, string>> = {
  'monitoring.coreos.com/v1 ServiceMonitor': 'ServiceMonitor',
  'monitoring.coreos.com/v1 PrometheusRule': 'PrometheusRule',
}
const operatorPrefix = 'ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1'

interface Validate {
  (data: unknown): boolean
  errors?: { instancePath: string; message?: string; keyword: string; params: unknown }[] | null
}

/** Answers one line for each thing that is wrong in the manifest. */
export type CheckManifest = (manifest: Manifest) => Promise<string[]>

/** Installs the schemas into a folder of their own. */
export async function openSchemas(): Promise<{ folder: string; check: CheckManifest }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-schemas-'))
  await run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', ...packages], { cwd: folder })
  const load = async (file: string) => {
    const url = pathToFileURL(path.join(folder, 'node_modules', file))
    return ((await import(url.href)) as { validate: Validate }).validate
  }
  return {
    folder,
    async check(manifest) {
      const kind = `${manifest.apiVersion} ${manifest.kind}`
      const [own, ofOperator] = [schemas[kind], operatorSchemas[kind]]
      if (own === undefined && ofOperator === undefined) return [`${kind}: there is no schema for it`]
      const validate = await load(
        own === undefined
          ? `@kubernetes-models/prometheus-operator/_schemas/${operatorPrefix}${ofOperator}.js`
          : `kubernetes-models/_schemas/${own}.js`,
      )
      return problemsOf(manifest, validate).map((problem) => `${kind} ${manifest.metadata.name}: ${problem}`)
    },
  }
}

function problemsOf(manifest: Manifest, validate: Validate): string[] {
  const watched = watch(manifest)
  const isValid = validate(watched.watched)
  const wrong = (validate.errors ?? []).map(
    ({ instancePath, keyword, message, params }) =>
      `${instancePath} ${message ?? keyword} ${JSON.stringify(params)}`,
  )
  return [...(isValid ? [] : wrong), ...watched.unread().map((place) => `${place} is no field of it`)]
}

/** The same data, and which of its keys nobody has read. */
function watch(data: object): { watched: unknown; unread: () => string[] } {
  const seen = new Map<object, { proxy: object; place: string; read: Set<PropertyKey> }>()
  function wrap(value: unknown, place: string): unknown {
    if (value === null || typeof value !== 'object') return value
    const known = seen.get(value)
    if (known !== undefined) return known.proxy
    const read = new Set<PropertyKey>()
    const proxy = new Proxy(value, {
      get(target, key) {
        read.add(key)
        return wrap(Reflect.get(target, key), `${place}/${String(key)}`)
      },
    })
    seen.set(value, { proxy, place, read })
    return proxy
  }
  return {
    watched: wrap(data, ''),
    unread: () =>
      [...seen].flatMap(([value, { place, read }]) =>
        Array.isArray(value)
          ? []
          : Object.keys(value).flatMap((key) => (read.has(key) ? [] : [`${place}/${key}`])),
      ),
  }
}
