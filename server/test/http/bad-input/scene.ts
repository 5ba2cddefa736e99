// The server that gets the tables of bad input, and the rules for every refusal: coded, in the envelope, without a word of
// the request, and told by one line of the log.
import { pino } from 'pino'
import { expect } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import type { RawAnswer } from '../raw-request.ts'
import { errorCode, textAt } from '../read-body.ts'
import { registerKey } from '../scene.ts'

/** Stands in what is sent, and must stand nowhere else. */
export const canary = 'c4nary-c4nary'

export interface Scene {
  server: TestServer
  tenant: TestTenant
  /** A key provider of the tenant's. */
  fingerprint: string
  /** All that was logged since the last call. */
  takeLog: () => string[]
}

export async function startScene(environment: Record<string, string> = {}): Promise<Scene> {
  let lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) })
  // The statements of a sweep would stand among those that a request leads to.
  const server = await startTestServer(environment, { logger, timings: { sweepMs: 600_000 } })
  const tenant = await server.createTenant('tenant-of-bad-input')
  const { fingerprint } = await registerKey(server, tenant)
  const takeLog = () => {
    const taken = lines
    lines = []
    return taken
  }
  return { server, tenant, fingerprint, takeLog }
}

/** One bad request, and what it gets. */
export interface BadInput {
  what: string
  status: number
  code: string
  send: (scene: Scene) => Promise<RawAnswer>
  /** Further checks of the answer. */
  also?: (answer: RawAnswer) => void
}

/** Sends it and checks all that holds for every refusal. */
export async function expectRefused(
  scene: Scene,
  { status, code, send, also }: Omit<BadInput, 'what'>,
): Promise<void> {
  scene.takeLog()
  const answer = await send(scene)
  expect(answer.status, answer.text).toBe(status)
  const traceId = String(answer.headers['x-b3-traceid'])
  // A HEAD has no body; everything else has the envelope.
  if (answer.text !== '') {
    expect(errorCode(answer.body)).toBe(code)
    expect(textAt(answer.body, 'traceId')).toBe(traceId)
    expectNothingOfTheInside(answer.text)
  }
  also?.(answer)
  await expectOneLine(scene, traceId, { status, code })
}

/** Neither what was sent, nor anything of the server's inside. */
export function expectNothingOfTheInside(text: string): void {
  expect(text).not.toContain(canary)
  expect(text).not.toMatch(
    /\bat \S+ \(|\.[jt]s\b|node_modules|\bselect\b|\binsert\b|keyhold\.|\/(tmp|home|var|usr)\//i,
  )
}

async function expectOneLine(
  { takeLog }: Scene,
  traceId: string,
  facts: { status: number; code: string },
): Promise<void> {
  // The line is written when the answer has gone out.
  let lines: string[] = []
  for (let tries = 0; tries < 50 && !lines.some((line) => line.includes(traceId)); tries++) {
    await new Promise((resolve) => setTimeout(resolve, tries))
    lines = [...lines, ...takeLog()]
  }
  const ofRequest = lines.filter((line) => line.includes(traceId))
  expect(ofRequest).toHaveLength(1)
  expect(JSON.parse(ofRequest[0] ?? '')).toMatchObject(facts)
  for (const line of lines) expect(line).not.toContain(canary)
}
