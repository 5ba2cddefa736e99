import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createKeyholdClient, type KeyholdApiError, type KeyholdClientOptions } from '@keyhold/client'
import { mayRepeat, withRetries } from '@keyhold/client/retries'
import { closedPort, serve } from '../../testkit/src/http/serve.ts'

const token = 'kh_secret_token'
const limitedBody = '{"errors":[{"code":"HTTP-429","title":"API rate limit reached."}],"traceId":"t"}'
const busyBody = '{"errors":[{"code":"ERR_SEALED","title":"Sealed."}],"traceId":"t"}'

/** A client of a server that answers with `statuses`, one after the other, and then with 200. */
async function clientOf(
  statuses: (number | 'break' | 'silence')[],
  options: Partial<KeyholdClientOptions> = {},
  headers: Record<string, string> = {},
  body = busyBody,
) {
  const seen: string[] = []
  const answer: RequestListener = (request, response) => {
    const status = statuses[seen.length] ?? 200
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
    if (status === 'break') request.socket.destroy()
    else if (status === 200) response.end('[]')
    else if (status !== 'silence') response.writeHead(status, headers).end(body)
  }
  const client = createKeyholdClient({ url: await serve(answer), token, maxRetries: 3, ...options })
  return { client, seen }
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'done'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

describe('a call that changes nothing', () => {
  test.each([[[503]], [[429, 503]], [['break' as const]], [[503, 'break' as const, 429]]])(
    'goes on after %j',
    async (statuses) => {
      const { client, seen } = await clientOf(statuses)
      expect(await outcome(client.call('listTenants'))).toBe('done')
      expect(seen).toHaveLength(statuses.length + 1)
    },
  )

  test('fails with the last answer when there are too many', async () => {
    const { client, seen } = await clientOf([503, 503, 503, 503, 503])
    expect(await outcome(client.call('listTenants'))).toBe('ERR_SEALED')
    expect(seen).toHaveLength(4)
  })

  test.each([400, 401, 403, 404, 424, 500])('is not sent again after %i', async (status) => {
    const { client, seen } = await clientOf([status])
    await outcome(client.call('listTenants'))
    expect(seen).toHaveLength(1)
  })

  test("is sent again after a proxy's 502, but not after a proxy's own page", async () => {
    const answers = [502, 200]
    let requests = 0
    const url = await serve((_request, response) => {
      const status = answers[requests++] ?? 200
      response.writeHead(status).end('<html>')
    })
    const client = createKeyholdClient({ url, token, maxRetries: 3 })
    expect(await outcome(client.call('listTenants'))).toBe('ERR_CLIENT_BAD_REPLY')
    expect(requests).toBe(2)
  })

  test('may be an encryption', async () => {
    const { client, seen } = await clientOf([503, 'break'])
    expect(await outcome(client.call('encrypt', { body: { items: [1] } }))).toBe('done')
    expect(seen).toHaveLength(3)
  })
})

describe('a call that changes something', () => {
  const migrate = { params: { arnFingerPrint: '9f352c5a0000000000000000deadbeef' } }

  test.each([503, 429, 'break' as const])('is not sent again after %s', async (status) => {
    const { client, seen } = await clientOf([status])
    expect(await outcome(client.call('migrateToKeyProvider', migrate))).not.toBe('done')
    expect(seen).toEqual([
      `POST /api/v1/encryption/keyproviders/9f352c5a0000000000000000deadbeef/actions/migrate`,
    ])
  })

  test('is sent again after a rate limit has refused it, as late as the server says', async () => {
    const { client, seen } = await clientOf([429], {}, { 'retry-after': '1' }, limitedBody)
    const startMs = performance.now()
    expect(await outcome(client.call('deleteKeyProvider', migrate))).toBe('done')
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(999)
    expect(seen).toHaveLength(2)
  })

  test('is not sent again after a status that no rate limit has', async () => {
    const { client, seen } = await clientOf([503], {}, {}, limitedBody)
    expect(await outcome(client.call('migrateToKeyProvider', migrate))).toBe('HTTP-429')
    expect(seen).toHaveLength(1)
  })

  test('is sent again when nobody listened', async () => {
    const url = await closedPort()
    let attempts = 0
    const counting: typeof fetch = (...args) => {
      attempts++
      return fetch(...args)
    }
    const client = createKeyholdClient({ url, token, maxRetries: 2, fetch: counting })
    expect(await outcome(client.call('migrateToKeyProvider', migrate))).toBe('ERR_CLIENT_UNREACHABLE')
    expect(attempts).toBe(3)
  })
})

describe('the time for all tries', () => {
  test('includes the time that the server asks for', async () => {
    const { client } = await clientOf([503], {}, { 'retry-after': '1' })
    const startMs = performance.now()
    expect(await outcome(client.call('listTenants'))).toBe('done')
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(999)
  })

  test('is too short for a longer wait: the refusal comes at once', async () => {
    const { client, seen } = await clientOf([503], { timeoutMs: 5_000 }, { 'retry-after': '5' })
    const startMs = performance.now()
    expect(await outcome(client.call('listTenants'))).toBe('ERR_SEALED')
    expect(performance.now() - startMs).toBeLessThan(4_000)
    expect(seen).toHaveLength(1)
  })

  test('is bounded by the time-out', async () => {
    const { client, seen } = await clientOf([503, 'silence'], { timeoutMs: 400 })
    const startMs = performance.now()
    expect(await outcome(client.call('listTenants'))).toBe('ERR_CLIENT_TIMEOUT')
    expect(performance.now() - startMs).toBeLessThan(4_000)
    expect(seen).toHaveLength(2)
  })

  test('ends with an abort', async () => {
    const { client } = await clientOf([503], {}, { 'retry-after': '20' })
    const abort = new AbortController()
    const call = outcome(client.call('listTenants', { signal: abort.signal }))
    setTimeout(() => {
      abort.abort(new Error('changed my mind'))
    }, 50)
    expect(await call).toBe('Error: changed my mind')
  })
})

describe('the number of tries', () => {
  test('is one for `call`, unless the client or the call says otherwise', async () => {
    const { client, seen } = await clientOf([503, 503, 503], { maxRetries: 0 })
    expect(await outcome(client.call('listTenants'))).toBe('ERR_SEALED')
    expect(await outcome(client.call('listTenants', { maxRetries: 2 }))).toBe('done')
    expect(seen).toHaveLength(4)
    const url = await serve((_request, response) => response.writeHead(503).end(busyBody))
    const byDefault = createKeyholdClient({ url, token })
    expect(await outcome(byDefault.call('listTenants'))).toBe('ERR_SEALED')
  })

  test.each([-1, 1.5, Number.NaN])('cannot be %d', async (maxRetries) => {
    const refusal = { code: 'ERR_CLIENT_OPTION_INVALID', member: 'options.maxRetries' }
    const create = () => createKeyholdClient({ url: 'http://localhost', token, maxRetries })
    expect(create).toThrow(expect.objectContaining(refusal) as Error)
    const client = createKeyholdClient({ url: 'http://localhost', token })
    await expect(client.call('listTenants', { maxRetries })).rejects.toMatchObject(refusal)
  })
})

test('a caller of its own chooses the pauses and hears of each', async () => {
  const { client, seen } = await clientOf([503, 429], { maxRetries: 0 }, { 'retry-after': '1' })
  const heard: unknown[] = []
  await withRetries(() => client.call('listTenants'), {
    maxRetries: 2,
    totalMs: Infinity,
    mayRepeat: (error) => mayRepeat('listTenants', error),
    signal: undefined,
    pauseMs: (retry, wishMs) => retry + wishMs / 1_000,
    onRetry: (error, retry, pauseMs) => heard.push([(error as KeyholdApiError).status, retry, pauseMs]),
  })
  expect(seen).toHaveLength(3)
  expect(heard).toEqual([
    [503, 0, 1],
    [429, 1, 2],
  ])
})
