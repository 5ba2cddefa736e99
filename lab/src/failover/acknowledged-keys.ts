// Makes data keys one after the other, each by the first value under a name of its own, and remembers those whose token it was
// given. A database that loses one of them has lost a customer's data.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseToken } from '@keyhold/core'
import type { Tenant } from '../../../testkit/src/tenants/create-tenant.ts'

export interface Acknowledged {
  token: string
  plaintext: string
  dataKeyId: string
}

export interface KeyMakers {
  readonly acknowledged: readonly Acknowledged[]
  /** When the last one was acknowledged, in milliseconds of the monotonic clock. */
  readonly lastMs: number
  /** By status and code, or by the error of the connection. */
  readonly refusals: Readonly<Record<string, number>>
  end(): Promise<void>
}

const pauseMs = 5
const pauseAfterRefusalMs = 50

export function startKeyMakers(url: string, { serviceToken }: Tenant, lanes: number): KeyMakers {
  const acknowledged: Acknowledged[] = []
  const refusals: Record<string, number> = {}
  let [made, lastMs, isEnding] = [0, 0, false]

  async function make(): Promise<boolean> {
    const keyName = `key-${++made}`
    const plaintext = Buffer.from(keyName).toString('base64')
    let reason: string
    try {
      const reply = await fetch(`${url}/api/v1/encryption/encrypt`, {
        method: 'POST',
        headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ items: [{ plaintext, keyName }] }),
      })
      const body = (await reply.json()) as { items?: { token?: string }[]; errors?: { code: string }[] }
      const token = body.items?.[0]?.token
      if (token !== undefined) {
        lastMs = performance.now()
        acknowledged.push({ token, plaintext, dataKeyId: parseToken(token).header.dataKeyId })
        return true
      }
      reason = `${reply.status} ${body.errors?.[0]?.code ?? JSON.stringify(body)}`
    } catch (error) {
      reason = String(error instanceof Error ? (error.cause ?? error) : error)
    }
    refusals[reason] = (refusals[reason] ?? 0) + 1
    return false
  }

  async function lane(): Promise<void> {
    while (!isEnding) await sleep((await make()) ? pauseMs : pauseAfterRefusalMs)
  }

  const running = Promise.all(Array.from({ length: lanes }, lane))
  return {
    acknowledged,
    get lastMs() {
      return lastMs
    },
    refusals,
    async end() {
      isEnding = true
      await running
    },
  }
}
