// Bodies in flight: who may be read, who waits unread, and that nothing is held once a request is over.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { createBodyBudget } from '../../../src/http/bodies/body-budget.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { errorCode, textAt } from '../read-body.ts'
import { waitUntil } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

const mib = 1_048_576

describe('the budget', () => {
  const open = (maxWaitMs: number) =>
    createBodyBudget({ totalBytes: 64 * mib, tenantBytes: 32 * mib, maxWaitMs })
  const enter = (budget: ReturnType<typeof open>, share: string, bytes: number) => {
    const entered = budget.enter({ share, bytes })
    if (entered instanceof Promise) throw new Error('it waits')
    return entered
  }

  it('has a share for each tenant, and one for all', async () => {
    const budget = open(1)
    enter(budget, 'a', 32 * mib)
    await expect(budget.enter({ share: 'a', bytes: 1 })).rejects.toMatchObject({ code: 'ERR_TENANT_BUSY' })
    enter(budget, 'b', 31 * mib)
    await expect(budget.enter({ share: 'c', bytes: 2 * mib })).rejects.toMatchObject({
      code: 'ERR_SERVER_BUSY',
    })
    enter(budget, 'c', mib)
  })

  it('lets bodies wait for room, the tenants by turns', async () => {
    const budget = open(60_000)
    const first = enter(budget, 'a', 32 * mib)
    const other = enter(budget, 'b', 32 * mib)
    const order: string[] = []
    const waiting = ['a', 'a', 'c'].map(async (share) => {
      const giveBack = await budget.enter({ share, bytes: 32 * mib })
      order.push(share)
      giveBack()
    })
    first()
    other()
    await Promise.all(waiting)
    expect(order.toSorted()).toEqual(['a', 'a', 'c'])
    expect(order.slice(0, 2)).toContain('c')
  })

  it('gives room that a tenant gives back to another that waits', async () => {
    const budget = open(60_000)
    const first = enter(budget, 'a', 32 * mib)
    enter(budget, 'b', 32 * mib)
    const order: string[] = []
    const waiting = ['a', 'c'].map(async (share) => {
      const giveBack = await budget.enter({ share, bytes: 32 * mib })
      order.push(share)
      giveBack()
    })
    first()
    await Promise.all(waiting)
    expect(order).toEqual(['c', 'a'])
  })

  it('forgets whoever has gone away while it waited', async () => {
    const budget = open(60_000)
    const giveBack = enter(budget, 'a', 32 * mib)
    let leave = (): void => undefined
    const waiting = budget.enter({ share: 'a', bytes: 32 * mib }, (giveUp) => {
      leave = giveUp
    })
    leave()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_TENANT_BUSY' })
    expect(budget.waiting()).toBe(0)
    giveBack()
    enter(budget, 'a', 32 * mib)
  })
})

describe('a server', () => {
  let server: TestServer
  let tenant: TestTenant
  let neighbour: TestTenant
  beforeAll(async () => {
    server = await startTestServer({}, { timings: { bodyWaitMs: 100 } })
    tenant = await server.createTenant()
    neighbour = await server.createTenant()
  })
  afterAll(() => server.stop())

  const encrypt = ({ serviceToken: token }: TestTenant, bytes: number) =>
    server.request('POST', '/api/v1/encryption/encrypt', {
      token,
      body: { items: [{ plaintext: Buffer.alloc(bytes).toString('base64') }] },
    })

  /** Begins a body of 32 MiB, and sends as much of it as `sent` says. */
  async function begin({ serviceToken }: TestTenant, sent: string, ...headers: string[]): Promise<Socket> {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const lines = ['POST /api/v1/encryption/encrypt HTTP/1.1', 'host: x', 'content-type: application/json']
    lines.push(`authorization: Bearer ${serviceToken}`, ...headers, '', '')
    socket.write(lines.join('\r\n') + sent)
    return socket
  }

  const ways: [what: string, sent: string, header: string][] = [
    ['of known length', '{"items":[', 'content-length: 33554432'],
    ['of unknown length', `10000\r\n${' '.repeat(65_536)}\r\n`, 'transfer-encoding: chunked'],
  ]

  test.each(ways)(
    'a body %s takes the share of its tenant alone, until its client goes away',
    async (_, sent, header) => {
      const sockets: Socket[] = []
      await waitUntil(async () => {
        // One of them gets the share, unless a longer body below has it at the moment; all others are refused.
        sockets.push(await begin(tenant, sent, header))
        // A short body is not counted, a longer one waits until it is refused.
        const [short, long] = await Promise.all([encrypt(tenant, 100), encrypt(tenant, 50_000)])
        expect(short.status).toBe(200)
        if (long.status === 200) return false
        expect([long.status, errorCode(long.body), long.headers.get('retry-after')]).toEqual([
          503,
          'ERR_TENANT_BUSY',
          '1',
        ])
        return true
      }, 30_000)
      expect((await encrypt(neighbour, 50_000)).status).toBe(200)

      for (const socket of sockets) socket.destroy()
      expect((await encrypt(tenant, 50_000)).status).toBe(200)
      expect((await encrypt(tenant, mib)).status).toBe(200)
    },
  )

  it('refuses a long body of a route that manages things before it is read', async () => {
    const answer = await server.request('POST', '/api/v1/encryption/keyproviders', {
      token: tenant.adminToken,
      body: { name: 'x'.repeat(mib), arn: 'y' },
    })
    expect([answer.status, errorCode(answer.body), answer.headers.get('connection')]).toEqual([
      413,
      'ERR_PAYLOAD_TOO_LARGE',
      'close',
    ])
  })

  // Nobody would read its answer.
  it.each(['in the bytes that end the body', 'a moment later'])(
    'runs no request that follows a body that is refused, %s',
    async (moment) => {
      const { hostname, port } = new URL(server.url)
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
      socket.on('error', () => undefined)
      const head = (path: string, token: string, bytes: number) =>
        [`POST ${path} HTTP/1.1`, 'host: x', 'content-type: application/json', `content-length: ${bytes}`]
          .concat(`authorization: Bearer ${token}`, '', '')
          .join('\r\n')
      socket.write(head('/api/v1/encryption/keyproviders', tenant.adminToken, mib + 1))
      socket.resume()
      await once(socket, 'end')

      const id = `pipelined-${moment.replaceAll(' ', '-')}`
      const body = JSON.stringify({ id, name: id })
      const next = head('/api/v1/tenants', server.operatorToken, body.length) + body
      const closed = once(socket, 'close')
      if (moment === 'a moment later') {
        await new Promise((resolve) => socket.write(' '.repeat(mib + 1), resolve))
        await setTimeout(5)
        socket.write(next)
      } else {
        await new Promise((resolve) => socket.write(' '.repeat(mib), resolve))
        await setTimeout(5)
        socket.write(` ${next}`)
      }
      await setTimeout(60)
      socket.end()
      await closed
      // Had it been run, it would be done before the same work that begins now.
      await server.createTenant()
      const { status } = await server.request('GET', `/api/v1/tenants/${id}`, { token: server.operatorToken })
      expect(status).toBe(404)
    },
  )

  slowTest('answers a long body as it answers a short one', async () => {
    const items = Array.from({ length: 40 }, (_, index) => ({
      plaintext: Buffer.alloc(20_000, index).toString('base64'),
      ref: `"${index}"`,
    }))
    const { body } = await server.request('POST', '/api/v1/encryption/encrypt', {
      token: tenant.serviceToken,
      body: { items },
    })
    const tokens = items.map((_, index) => ({ token: textAt(body, 'items', index, 'token') }))
    const back = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: tenant.serviceToken,
      body: { items: tokens },
    })
    expect(back.body).toEqual({ items: items.map(({ plaintext }) => ({ plaintext })) })
    const broken = JSON.stringify({ items }).replace('"ref"', '"plaintext"')
    const refused = await server.request('POST', '/api/v1/encryption/encrypt', {
      token: tenant.serviceToken,
      body: broken,
    })
    expect([refused.status, errorCode(refused.body)]).toEqual([400, 'ERR_INVALID_REQUEST'])
  })
})
