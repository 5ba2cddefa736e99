// Decryptions at a fixed rate, whether or not the earlier ones have been answered: a key that hangs must not get less
// load, and one that is refused at once must not get more.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Replica } from '../../../testkit/src/cluster/create-replica.ts'
import type { Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { ask, codeIn } from '../requests/ask.ts'

export interface PacedDecrypts {
  /** How long each decryption took that was answered since the last call of this function, and the answers. */
  take(): { tookMs: number[]; answers: Map<string, number> }
  /** Ends the load and waits until every decryption is answered. */
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
  const plaintext = Buffer.alloc(1_024, 7)
  const client = openClient(urls[0] ?? '', serviceToken)
  const body = { items: [{ token: await client.tenant().encrypt(plaintext) }] }
  const expected = plaintext.toString('base64')
  let tookMs: number[] = []
  let answers = new Map<string, number>()
  let isOver = false
  const waiting = new Set<Promise<void>>()

  async function send(url: string): Promise<void> {
    const startMs = performance.now()
    const { status, text, answer } = await ask({ url, token: serviceToken, path, body, timeoutMs })
    // The error of an item stands in an answer of status 200.
    const isWrong = status === 200 && !text.includes(expected)
    const answered = isWrong ? `200 ${codeIn(text) ?? 'wrong plaintext'}` : answer
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
