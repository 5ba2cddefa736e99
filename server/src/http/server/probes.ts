// Routes for machines, open to all: liveness, readiness, the description of the API, and the product information that
// some clients of the original request before their first call.
import { spellings } from '@keyhold/contract'
import type { FastifyInstance } from 'fastify'
import type { ProbeAnswer, ProbePath } from '../connections/answer-probe.ts'
import { openApiDocument } from '../openapi/document.ts'

const apiVersion = '1'

export interface Probes {
  /** Whether the service holds no root key for its database. */
  readonly isSealed: boolean
  /** Whether it does not use it, since the database is older than what this replica knows. Then it is sealed as well. */
  readonly isQuarantined: boolean
  /** Whether the start is complete. */
  isReady: () => boolean
  /** Whether this replica is about to stop. */
  isDraining: () => boolean
  /** Whether rows were signed under a root key that this replica does not hold. */
  isRootKeyOutdated: () => boolean
  /** Whether the database answers. */
  isDatabaseReady: () => Promise<boolean>
}

export async function probe(probes: Probes, path: ProbePath): Promise<ProbeAnswer> {
  const isOk = { status: 200, body: { status: 'ok' } }
  const isNot = (status: string) => ({ status: 503, body: { status } })
  if (path === '/livez') return isOk
  if (probes.isQuarantined) return isNot('quarantined')
  if (probes.isSealed) return isNot('sealed')
  if (probes.isDraining()) return isNot('stopping')
  if (!probes.isReady()) return isNot('starting')
  if (probes.isRootKeyOutdated()) return isNot('root key outdated')
  return (await probes.isDatabaseReady()) ? isOk : isNot('database unavailable')
}

export function registerProbes(app: FastifyInstance, probes: Probes): void {
  for (const path of ['/livez', '/readyz'] as const) {
    app.get(path, async (_request, reply) => {
      const { status, body } = await probe(probes, path)
      return reply.code(status).send(body)
    })
  }

  // Most replicas are never asked for it.
  let description: object | undefined
  app.get('/openapi.json', () => (description ??= openApiDocument(apiVersion)))

  app.get(spellings.productInfoPath, () => spellings.productInfo)
}
