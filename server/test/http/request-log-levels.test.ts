// An operator looks for failures by the level of the log.
import { expect, test } from 'vitest'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { createRequestLog } from '../../src/http/log/request-log.ts'

function remembering() {
  const lines: string[] = []
  const at = (level: string) => (facts: { status: number }) => {
    lines.push(`${level} ${facts.status}`)
  }
  const log = { info: at('info'), warn: at('warn'), error: at('error') } as unknown as FastifyBaseLogger
  return { lines, log }
}

test.each([
  [200, 'info 200'],
  [404, 'info 404'],
  [429, 'info 429'],
  [500, 'error 500'],
  [502, 'warn 502'],
  [503, 'warn 503'],
])('a request that ends with %i', (status, line) => {
  const { lines, log } = remembering()
  const requests = createRequestLog(log, () => undefined)
  const request = { routeId: 'listTenants', id: 't', headers: {} } as unknown as FastifyRequest
  requests.response(request, status, 1)
  requests.clientError({ traceId: 't', status, code: 'ERR_SERVER_BUSY' })
  expect(lines).toEqual([line, line])
})
