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

test('an internal error is logged with where it happened, and without its message, which may repeat a value', () => {
  const logged: { stack?: string; cause?: unknown }[] = []
  const log = { error: (facts: object) => logged.push(facts) } as unknown as FastifyBaseLogger
  const requests = createRequestLog(log, () => undefined)
  const message = 'invalid input syntax for type uuid: "s3cret"\n    at s3cret\nsecond s3cret'
  const error = Object.assign(new RangeError(message), { code: '22P02' })
  requests.internalError({ id: 't' } as FastifyRequest, error)
  expect(logged[0]).toMatchObject({ cause: '22P02' })
  expect(logged[0]?.stack).toMatch(/^RangeError\n {4}at .*request-log-levels\.test\.ts.*:\d+:\d+/)
  expect(JSON.stringify(logged)).not.toContain('s3cret')
})
