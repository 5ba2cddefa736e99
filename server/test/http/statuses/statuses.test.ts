// Every documented status of the original's ten operations has a real cause here, and answers in the envelope.
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { holdAt } from '../../../../testkit/src/server/hold-at.ts'
import { startTestServer, type TestServer } from '../../../../testkit/src/server/start-test-server.ts'
import { causeless, documentedStatuses } from './documented-statuses.ts'
import { keyProviderCases } from './key-provider-cases.ts'
import { keyTestCases } from './key-test-cases.ts'
import { migrationCases, runningMigrationCases } from './migration-cases.ts'
import { createStatusScene, type StatusScene } from './status-scene.ts'
import { doseOf } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let scene: StatusScene
beforeAll(async () => {
  server = await startTestServer({}, { hold: holdAt('migration.prepare.before-kms') })
  scene = createStatusScene(server)
})
afterAll(() => server.stop())

const cases = [...runningMigrationCases, ...keyProviderCases, ...migrationCases, ...keyTestCases]

describe('each operation answers', () => {
  test.each(doseOf(cases, 3))('$routeId with $status when $when', async ({ status, code, send }) => {
    const answer = await send(scene)

    expect(answer.status, answer.text).toBe(status)
    expect(answer.headers['x-b3-traceid']).toMatch(/^[0-9a-f]{32}$/)
    expect(answer.headers.location).toBeUndefined()
    if (status === 204) {
      expect(answer.text).toBe('')
      return
    }
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    if (code === undefined) {
      expect(answer.body).not.toHaveProperty('errors')
      return
    }
    expect(answer.body).toEqual({
      errors: [{ code, title: expect.any(String) as string, ...detailOf(answer.body) }],
      traceId: answer.headers['x-b3-traceid'],
    })
  })
})

it('has a case for each documented status that has a cause, and for no other', () => {
  const documented = Object.entries(documentedStatuses).flatMap(([routeId, statuses]) =>
    statuses.map((status) => `${routeId} ${status}`),
  )
  const covered = new Set(cases.map(({ routeId, status }) => `${routeId} ${status}`))

  expect([...covered].sort()).toEqual(documented.filter((each) => !causeless.includes(each)).sort())
})

function detailOf(body: unknown): { detail?: unknown } {
  const { errors } = body as { errors: { detail?: unknown }[] }
  const detail = errors[0]?.detail
  return detail === undefined ? {} : { detail: expect.any(String) as string }
}
