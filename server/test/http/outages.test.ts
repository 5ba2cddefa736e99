// A failure that concerns a whole tenant, or everything, is the status of the request: the customer's refusal is final,
// an outage asks to come back.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  customerKeyPolicy,
  startTestServer,
  type HttpAnswer,
  type TestServer,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode } from './read-body.ts'
import { createTenantWithOwnKey, encryptText, policyWithout, setPolicy, waitUntil } from './scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: Awaited<ReturnType<typeof createTenantWithOwnKey>>
let token: string
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' }, { ownPostgres: true })
  tenant = await createTenantWithOwnKey(server)
  token = await encryptText(server, tenant, 'precious')
})
afterAll(() => server.stop())

const decrypt = () =>
  server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: [{ token }, { token: 'broken' }] },
  })
const encrypt = () =>
  server.request('POST', '/api/v1/encryption/encrypt', {
    token: tenant.serviceToken,
    body: { items: [{ plaintext: '' }] },
  })

function expectRefusal(answers: HttpAnswer[], status: number, code: string): void {
  for (const answer of answers) {
    expect([answer.status, errorCode(answer.body)]).toEqual([status, code])
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null)
    expect(answer.body).not.toHaveProperty('items')
  }
}

describe('without a cache', () => {
  it('a withdrawn policy is told with 424 at once, and its return as well', async () => {
    await setPolicy(server.customerKms(), tenant.arn, policyWithout('Decrypt'))
    expectRefusal([await decrypt(), await encrypt()], 424, 'ERR_KMS_DENIED')

    await setPolicy(server.customerKms(), tenant.arn, customerKeyPolicy())
    expect((await decrypt()).body).toMatchObject({ items: [{ plaintext: 'cHJlY2lvdXM=' }, {}] })
  })

  it('a disabled key is told with 424', async () => {
    await server.customerKms().send(new DisableKeyCommand({ KeyId: tenant.arn }))
    const answers = [await decrypt(), await encrypt()]
    await server.customerKms().send(new EnableKeyCommand({ KeyId: tenant.arn }))

    expectRefusal(answers, 424, 'ERR_KMS_KEY_DISABLED')
  })

  test.each([
    ['throttles', 'throttle', 'ERR_KMS_THROTTLED'],
    ['fails', 'error500', 'ERR_KMS_FAILED'],
    ['does not answer', 'hang', 'ERR_KMS_TIMEOUT'],
  ] as const)('a KMS that %s is told with 503 and when to come back', async (_, kind, code) => {
    const remove = server.kms.faults.add({ kind, match: { keyId: tenant.arn } })
    const startMs = performance.now()
    const answers = await Promise.all([decrypt(), encrypt()])
    remove()

    expectRefusal(answers, 503, code)
    expect(performance.now() - startMs).toBeLessThan(5_000)
    expect((await decrypt()).status).toBe(200)
  })

  slowTest('one tenant in trouble is no trouble for another', async () => {
    const other = await server.createTenant()
    const remove = server.kms.faults.add({ kind: 'hang' })
    const stuck = decrypt()

    expect(await encryptText(server, other, 'free')).toMatch(/^kh1\./)
    remove()
    await stuck
  })
})

it('a killed database is told with 503 until it is back, and loses nothing', async () => {
  expect((await server.request('GET', '/readyz')).status).toBe(200)
  process.kill(await findPostmaster(server.dataDir), 'SIGKILL')

  const statuses = new Set<number>()
  await waitUntil(async () => {
    const answer = await decrypt()
    statuses.add(answer.status)
    if (answer.status !== 200) expectRefusal([answer], 503, 'ERR_DATABASE_UNAVAILABLE')
    return answer.status === 200 && statuses.has(503)
  }, 20_000)

  expect(at((await decrypt()).body, 'items', 0, 'plaintext')).toBe('cHJlY2lvdXM=')
  expect((await server.request('GET', '/livez')).status).toBe(200)
})

async function findPostmaster(dataDir: string): Promise<number> {
  const files = await readdir(dataDir, { recursive: true })
  const pidFile = files.find((name) => path.basename(name) === 'postmaster.pid')
  const pid = Number.parseInt(await readFile(path.join(dataDir, pidFile ?? ''), 'utf8'), 10)
  if (!(pid > 1)) throw new Error('no postmaster found')
  return pid
}
