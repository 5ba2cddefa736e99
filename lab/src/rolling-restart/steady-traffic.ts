// Callers that encrypt and decrypt one after the other over connections that stay open, and look at every value.
import { createSeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import type { Tenant } from '../../../testkit/src/tenants/create-tenant.ts'

export interface SteadyTraffic {
  readonly sent: number
  /** By what went wrong: a status with its code, or the error of the connection. */
  readonly failures: Readonly<Record<string, number>>
  /** Values that came back as others. */
  readonly wrong: number
  /** Stops sending, and waits for what is under way. */
  end(): Promise<void>
}

interface Reply {
  items: { token?: string; plaintext?: string }[]
}

// No retries: each request that fails counts.
export function startTraffic(url: string, { serviceToken }: Tenant, lanes: number): SteadyTraffic {
  const failures: Record<string, number> = {}
  let [sent, wrong, isEnding] = [0, 0, false]
  const fail = (reason: string) => {
    failures[reason] = (failures[reason] ?? 0) + 1
  }

  async function ask(action: 'encrypt' | 'decrypt', item: object): Promise<Reply['items'][0] | undefined> {
    sent += 1
    try {
      const reply = await fetch(`${url}/api/v1/encryption/${action}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ items: [item] }),
      })
      const body = await reply.text()
      if (reply.status === 200) return (JSON.parse(body) as Reply).items[0]
      fail(`${reply.status} ${/"code":"([A-Z0-9_-]+)"/.exec(body)?.[1] ?? 'without an envelope'}`)
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error
      fail(cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause))
    }
    return undefined
  }

  async function lane(seed: number): Promise<void> {
    const random = createSeededRandom(seed)
    while (!isEnding) {
      const plaintext = random.bytes(100).toString('base64')
      const token = (await ask('encrypt', { plaintext, keyName: random.pick(['pay', 'chat', 'mail']) }))
        ?.token
      if (token === undefined) continue
      const back = await ask('decrypt', { token })
      if (back !== undefined && back.plaintext !== plaintext) wrong += 1
    }
  }

  const running = Promise.all(Array.from({ length: lanes }, (_, index) => lane(index + 1)))
  return {
    get sent() {
      return sent
    },
    get wrong() {
      return wrong
    },
    failures,
    async end() {
      isEnding = true
      await running
    },
  }
}
