// Metrics and probes of all replicas of a machine as those of one server.
import { metricCatalog, type MetricName } from '../metrics/metric-catalog.ts'
import { createMetricBook, readFamilies } from '../metrics/merge-metrics.ts'
import type { ProbeAnswer } from '../main.ts'
import type { KeptReplica } from './keep-replica.ts'
import type { Question } from './replica-messages.ts'

type Shown = Pick<KeptReplica, 'number' | 'serving' | 'restarts'>

// A replica waits two seconds for the database.
const metricsMs = 4_000
// As long as who asks a load balancer's question waits at least.
const probeMs = 2_000

/** Answers the function that makes the text in the format of Prometheus. */
export function createSharedMetrics(replicas: () => readonly Shown[]): () => Promise<string> {
  const book = createMetricBook(isOfInstallation)
  return async () => {
    const up = await Promise.all(
      replicas().map(async ({ number, serving }) => {
        const replica = serving()
        const said = await replica?.ask('metrics', metricsMs)
        const isUp = replica !== undefined && typeof said === 'string'
        if (isUp) book.take(number, replica.pid, readFamilies(said))
        else book.miss(number)
        return [number, isUp ? 1 : 0] as const
      }),
    )
    const restarts = replicas().map((each) => [each.number, each.restarts()] as const)
    const own = { keyhold_replica_up: up, keyhold_replica_restarts_total: restarts }
    return withSamples(book.text(), own)
  }
}

type OwnMetrics = Record<
  'keyhold_replica_up' | 'keyhold_replica_restarts_total',
  (readonly [number, number])[]
>

/** Puts the supervisor's own samples behind the heads of their metrics, which replicas show without samples. */
function withSamples(text: string, own: OwnMetrics): string {
  let whole = text
  for (const [name, samples] of Object.entries(own)) {
    const { type, help } = metricCatalog[name as keyof OwnMetrics]
    const head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    const lines = samples.map(([replica, value]) => `${name}{replica="${replica}"} ${value}\n`).join('')
    whole = whole.includes(head) ? whole.replace(head, () => head + lines) : whole + head + lines
  }
  return whole
}

function isOfInstallation(name: string): boolean {
  return Object.hasOwn(metricCatalog, name) && 'isOfInstallation' in metricCatalog[name as MetricName]
}

/**
 * Answers a probe of all of them: it is ready, and alive, when one of them is. Each is shown by its number.
 *
 * @param begins - whether the first of them has not served yet
 */
export async function probeReplicas(
  replicas: readonly Shown[],
  path: Exclude<Question, 'metrics'>,
): Promise<ProbeAnswer> {
  const answers = await Promise.all(
    replicas.map(async ({ number, serving }) => {
      const said = await serving()?.ask(path, probeMs)
      const answer = typeof said === 'object' ? said : { status: 503, body: { status: 'not running' } }
      return { number, ...answer }
    }),
  )
  const best = answers.find(({ status }) => status === 200) ?? answers[0]
  return {
    status: best?.status ?? 503,
    body: {
      status: best?.body.status ?? 'starting',
      replicas: Object.fromEntries(answers.map(({ number, body }) => [number, body.status])),
    },
  }
}
