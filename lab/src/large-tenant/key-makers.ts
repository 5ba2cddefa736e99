// Callers that encrypt under one new key name after the other, so that each request makes a data key.
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import type { Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { ask } from '../requests/ask.ts'

export interface KeyMakersOptions {
  url: string
  tenant: Tenant
  writers: number
  /** After each reply. */
  pauseMs: number
}

export interface WriterFigures {
  when: string
  replies: number
  p50Ms: number
  p99Ms: number
  longestMs: number
}

export interface KeyMakers {
  /** The events since the last call. */
  take(when: string): WriterFigures
  /** Replies that brought no token, by what they were. */
  readonly failures: ReadonlyMap<string, number>
  /** How many data keys were made. */
  readonly made: number
  stop(): Promise<void>
}

const timeoutMs = 30_000

export function startKeyMakers({ url, tenant, writers, pauseMs }: KeyMakersOptions): KeyMakers {
  const failures = new Map<string, number>()
  let tookMs: number[] = []
  let made = 0
  let names = 0
  let isOver = false

  async function write(): Promise<void> {
    // Not all at once.
    await sleep(Math.random() * pauseMs)
    while (!isOver) {
      const startMs = performance.now()
      const { status, answer } = await ask({
        ...{ url, token: tenant.serviceToken, path: '/api/v1/encryption/encrypt', timeoutMs },
        body: { items: [{ plaintext: 'dmFsdWU=', keyName: `name-${names++}` }] },
      })
      tookMs.push(performance.now() - startMs)
      if (status === 200) made += 1
      else failures.set(answer, (failures.get(answer) ?? 0) + 1)
      await sleep(pauseMs)
    }
  }

  const running = Array.from({ length: writers }, write)
  return {
    failures,
    get made() {
      return made
    },
    take(when) {
      const taken = tookMs
      tookMs = []
      return {
        when,
        replies: taken.length,
        p50Ms: rounded(percentile(taken, 0.5)),
        p99Ms: rounded(percentile(taken, 0.99)),
        longestMs: rounded(percentile(taken, 1)),
      }
    },
    async stop() {
      isOver = true
      await Promise.all(running)
    },
  }
}

export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
