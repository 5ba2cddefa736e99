// Decryptions at a fixed rate, whether or not the ones before have been answered: a key that hangs must not lessen the
// load that it gets, and one that is refused at once must not add to it.
import { setTimeout as sleep } from 'node:timers/promises'
import { callApi, type Tenant } from '../../../testkit/src/bench-api.ts'
import type { Replica } from '../../../testkit/src/cluster/replica.ts'

export interface PacedDecrypts {
  /** Milliseconds of those that were sent and answered since the last call of this, and how they were answered. */
  take(): { tookMs: number[]; answers: Map<string, number> }
  /** Answers once nothing is on its way. */
  stop(): Promise<void>
}

const path = '/api/v1/encryption/decrypt'
const timeoutMs = 20_000
const maxWaiting = 400

/** Encrypts one value of 1 KiB and decrypts it again and again, on the replicas by turns. */
export async function startPacedDecrypts(
  { serviceToken }: Tenant,
  replicas: readonly Replica[],
  perSecond: number,
): Promise<PacedDecrypts> {
  const urls = replicas.map(({ url }) => url ?? '')
  const plaintext = Buffer.alloc(1_024, 7).toString('base64')
  const body = { items: [{ plaintext }] }
  const answer = await callApi(urls[0] ?? '', serviceToken, 'POST', '/api/v1/encryption/encrypt', body)
  const [item] = (answer as { items: { token: string }[] }).items
  const request = {
    method: 'POST',
    headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ token: item?.token }] }),
  }
  let tookMs: number[] = []
  let answers = new Map<string, number>()
  let isOver = false
  const waiting = new Set<Promise<void>>()

  async function send(url: string): Promise<void> {
    const startMs = performance.now()
    let answered: string
    try {
      const reply = await fetch(`${url}${path}`, { ...request, signal: AbortSignal.timeout(timeoutMs) })
      const text = await reply.text()
      const code = /"code":"([^"]+)"/.exec(text)?.[1]
      const isRight = reply.status === 200 && text.includes(plaintext)
      answered = isRight ? '200' : `${reply.status} ${code ?? 'wrong plaintext'}`
    } catch (error) {
      answered = error instanceof Error ? error.name : 'no answer'
    }
    tookMs.push(performance.now() - startMs)
    answers.set(answered, (answers.get(answered) ?? 0) + 1)
  }

  async function drive(): Promise<void> {
    let dueMs = performance.now()
    for (let sent = 0; !isOver; sent++) {
      dueMs += 1_000 / perSecond
      await sleep(Math.max(0, dueMs - performance.now()))
      if (waiting.size >= maxWaiting) continue
      const one: Promise<void> = send(urls[sent % urls.length] ?? '').finally(() => waiting.delete(one))
      waiting.add(one)
    }
    await Promise.all(waiting)
  }

  const driven = drive()
  return {
    take() {
      const taken = { tookMs, answers }
      tookMs = []
      answers = new Map()
      return taken
    },
    async stop() {
      isOver = true
      await driven
    },
  }
}
