// The neighbour's requests, from a process of its own: so many a second, whatever becomes of them. A reply that is late
// counts from when its request was due.
import { Agent } from 'node:http'
import type { NeighbourScene } from './flood-scene.ts'
import { send, type HttpQuestion } from './http-client.ts'

/** The outcomes of the requests since the last time. */
export interface NeighbourFigures {
  tookMs: number[]
  answers: Record<string, number>
}

const timeoutMs = 10_000
const encryption = '/api/v1/encryption'
const agent = new Agent({ keepAlive: true, maxSockets: 200 })
const withoutKeepAlive = new Agent({ keepAlive: false })
let figures: NeighbourFigures = { tookMs: [], answers: {} }
let number = 0

type Question = Omit<HttpQuestion, 'url' | 'timeoutMs' | 'agent'> & { agent?: Agent }

/** Mostly values; now and then all else that a tenant and its operator do. */
function nextQuestion({ serviceToken: token, adminToken }: NeighbourScene): Question {
  number++
  if (number % 50 === 10) return { path: `${encryption}/data-keys`, token, body: '{}' }
  if (number % 50 === 20) return { method: 'GET', path: `${encryption}/keyproviders`, token: adminToken }
  if (number % 50 === 30) return { method: 'GET', path: '/readyz', agent: withoutKeepAlive }
  const keyName = number % 50 === 40 ? `name-${number}` : 'default'
  const item = { plaintext: Buffer.from(`value ${number}`).toString('base64'), keyName }
  return { path: `${encryption}/encrypt`, token, body: JSON.stringify({ items: [item] }) }
}

async function ask(scene: NeighbourScene, dueMs: number): Promise<void> {
  const answer = await send({ url: scene.url, agent, timeoutMs, ...nextQuestion(scene) })
  figures.tookMs.push(performance.now() - dueMs)
  figures.answers[answer] = (figures.answers[answer] ?? 0) + 1
}

function start(scene: NeighbourScene): void {
  const everyMs = 1_000 / scene.requestsPerSecond
  let dueMs = performance.now()
  setInterval(() => {
    for (; dueMs <= performance.now(); dueMs += everyMs) void ask(scene, dueMs)
  }, 1)
}

process.on('message', (message: NeighbourScene | 'take') => {
  if (message !== 'take') {
    start(message)
    return
  }
  process.send?.(figures)
  figures = { tookMs: [], answers: {} }
})
process.on('disconnect', () => process.exit())
