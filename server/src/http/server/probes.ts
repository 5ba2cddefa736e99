// Routes for machines, open to all: liveness, readiness, the description of the API, and the product information that
// some clients of the original request before their first call.
import { spellings } from '@keyhold/contract'
import type { FastifyInstance } from 'fastify'
import { openApiDocument } from './openapi.ts'

const apiVersion = '1'

export interface Probes {
  /** Whether the service holds no root key for its database. */
  readonly isSealed: boolean
  /** Whether the start is complete. */
  isReady: () => boolean
  /** Whether the database answers. */
  isDatabaseReady: () => Promise<boolean>
}

export function registerProbes(app: FastifyInstance, probes: Probes): void {
  app.get('/livez', () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    if (probes.isSealed) return reply.code(503).send({ status: 'sealed' })
    if (!probes.isReady()) return reply.code(503).send({ status: 'starting' })
    if (!(await probes.isDatabaseReady())) return reply.code(503).send({ status: 'database unavailable' })
    return { status: 'ok' }
  })

  const description = openApiDocument(apiVersion)
  app.get('/openapi.json', () => description)

  app.get(spellings.productInfoPath, () => spellings.productInfo)
}
