// Constant traffic of one tenant on all replicas: decrypt, encrypt, and a lease that is renewed. Every reply is kept with
// its time; a plaintext or a key other than expected is kept as wrong.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Replica } from '../../../testkit/src/cluster/create-replica.ts'
import type { Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { ask } from '../requests/ask.ts'

export interface Reply {
  replica: string
  kind: 'decrypt' | 'encrypt' | 'lease'
  sentMs: number
  doneMs: number
  /** `200`, or `status code`, or the error that the connection met. */
  answer: string
  /** For a lease: until when the key may be held. */
  leaseEndMs?: number
}

export interface WatchedTraffic {
  /** All replies since the last `clear`. */
  replies(): readonly Reply[]
  clear(): void
  /** Values that differ from those that were encrypted. */
  readonly wrong: readonly string[]
  stop(): Promise<void>
}

const pausesMs = { decrypt: 100, encrypt: 500, lease: 1_000 } as const
const timeoutMs = 20_000
const base = '/api/v1/encryption'

interface Sent {
  answer: string
  body: unknown
}

async function send(
  replica: Replica,
  { serviceToken: token }: Tenant,
  path: string,
  body: object,
): Promise<Sent> {
  const { url } = replica
  if (url === undefined) return { answer: 'not running', body: undefined }
  const { status, answer, text } = await ask({ url, token, path: `${base}${path}`, body, timeoutMs })
  return { answer, body: status === 200 ? (JSON.parse(text) as unknown) : undefined }
}

/** @param paceOf - 1: ten decryptions a second and replica; 2: half as often */
export function startWatchedTraffic(
  tenant: Tenant,
  replicas: readonly Replica[],
  paceOf = 1,
): WatchedTraffic {
  let log: Reply[] = []
  const wrong: string[] = []
  let isOver = false
  // The value that is decrypted: the one that any replica acknowledged last.
  let known: { token: string; plaintext: string } | undefined

  async function drive(
    replica: Replica,
    kind: Reply['kind'],
    once: () => Promise<Partial<Reply> | undefined>,
  ) {
    await sleep(Math.random() * pausesMs[kind] * paceOf)
    while (!isOver) {
      const sentMs = performance.now()
      const outcome = await once()
      if (outcome !== undefined)
        log.push({ replica: replica.name, kind, sentMs, doneMs: performance.now(), answer: '', ...outcome })
      await sleep(pausesMs[kind] * paceOf)
    }
  }

  function driversOf(replica: Replica): Promise<void>[] {
    let encrypted = 0
    let lease: { header: string; plaintext: string } | undefined
    return [
      drive(replica, 'encrypt', async () => {
        const plaintext = Buffer.from(`${replica.name} ${++encrypted}`).toString('base64')
        const { answer, body } = await send(replica, tenant, '/encrypt', { items: [{ plaintext }] })
        const token = (body as { items: { token?: string }[] } | undefined)?.items[0]?.token
        if (token !== undefined) known = { token, plaintext }
        return { answer: answer === '200' && token === undefined ? '200 without a token' : answer }
      }),
      drive(replica, 'decrypt', async () => {
        if (known === undefined) return undefined
        const { token, plaintext } = known
        const { answer, body } = await send(replica, tenant, '/decrypt', { items: [{ token }] })
        if (body === undefined) return { answer }
        const [item] = (body as { items: { plaintext?: string; error?: { code: string } }[] }).items
        if (item?.error !== undefined) return { answer: `200 with ${item.error.code}` }
        if (item?.plaintext !== plaintext)
          wrong.push(`${tenant.tenantId} on ${replica.name}: another plaintext`)
        return { answer }
      }),
      drive(replica, 'lease', async () => {
        const sentMs = performance.now()
        const { answer, body } =
          lease === undefined
            ? await send(replica, tenant, '/data-keys', {})
            : await send(replica, tenant, '/data-keys/unwrap', { header: lease.header })
        if (body === undefined) return { answer }
        const leased = body as { header: string; plaintext: string; expiresInSeconds: number }
        lease ??= leased
        if (leased.plaintext !== lease.plaintext)
          wrong.push(`${tenant.tenantId} on ${replica.name}: another data key`)
        return { answer, leaseEndMs: sentMs + leased.expiresInSeconds * 1_000 }
      }),
    ]
  }

  const drivers = replicas.flatMap(driversOf)
  return {
    replies: () => log,
    clear() {
      log = []
    },
    wrong,
    async stop() {
      isOver = true
      await Promise.all(drivers)
    },
  }
}
