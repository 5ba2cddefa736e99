// Every cause on purpose, and the words that the data plane, the health of the key, the command line and the metrics give
// for it.
// docs/key-causes.md is what this test has seen; `npx vitest run server/test/health/causes.test.ts --update=all` writes it anew.
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import prettier from 'prettier'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, textAt } from '../http/read-body.ts'
import { createKey, migrateTo, policyWithout, providers, registerKey, setPolicy } from '../http/scene.ts'
import { encryptUnder } from '../migration/api.ts'
import { customerKeyPolicy, startTestServer, type TestServer, type TestTenant } from '../start-test-server.ts'

const page = path.join(import.meta.dirname, '../../../docs/key-causes.md')
const intro = `# What is said of a customer's key

Made by a test, which does each of this to keys in local-kms, not AWS: what requests are answered, and what
\`keyhold keyprovider health\`, \`GET …/keyproviders/{fingerprint}/health\` and the key provider's \`health\` say, and under
which labels the metric \`keyhold_keys\` counts the key. While what Keyhold holds in memory lasts, an outage is not noticed
by requests at all. Afterwards each cause was taken back, and the data opened again without anything else being done.
`

interface Key {
  tenant: TestTenant
  arn: string
  fingerprint: string
  tokens: string[]
}

let server: TestServer
let single: Key
let replicated: Key
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '1',
    KEYHOLD_KEY_PROBE_SECONDS: '1',
    KEYHOLD_METRICS_PORT: '0',
  })
  single = await prepare(() => createKey(server))
  replicated = await prepare((tenant) => server.createCustomerKey([tenant.tenantId]))
})
afterAll(() => server.stop())

async function prepare(makeKey: (tenant: TestTenant) => Promise<string>): Promise<Key> {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant, await makeKey(tenant))
  await migrateTo(server, tenant, fingerprint)
  return { tenant, arn, fingerprint, tokens: await encryptUnder(server.url, tenant, ['one']) }
}

const own = 'eu-west-1'
const keyId = ({ arn }: Key) => arn.split('/')[1] ?? ''
const fault = (key: Key, kind: 'throttle' | 'hang' | 'error500') =>
  Promise.resolve(server.kms.faults.add({ kind, match: { region: own, keyId: keyId(key) } }))
const regionDown = () => {
  server.kms.regions.takeDown(own, 'refused')
  return Promise.resolve(() => server.kms.regions.bringBack(own))
}

// Each does it and answers what takes it back.
const causes: {
  cause: string
  key: () => Key
  state: string
  answer: string
  produce: (key: Key) => Promise<() => unknown>
}[] = [
  {
    cause: 'The key policy does not name Keyhold any more',
    key: () => single,
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: async ({ arn }) => {
      await setPolicy(server.customerKms(), arn, policyWithout())
      return () => setPolicy(server.customerKms(), arn, customerKeyPolicy())
    },
  },
  {
    cause: 'The key is disabled',
    key: () => replicated,
    state: 'disabled',
    answer: '424 ERR_KMS_KEY_DISABLED',
    produce: async ({ arn }) => {
      await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
      return () => server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
    },
  },
  {
    cause: 'The key is scheduled for deletion',
    key: () => single,
    state: 'pendingDeletion',
    answer: '424 ERR_KMS_KEY_PENDING_DELETION',
    produce: async ({ arn }) => {
      await server.customerKms().send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 }))
      return async () => {
        await server.customerKms().send(new CancelKeyDeletionCommand({ KeyId: arn }))
        await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
      }
    },
  },
  {
    cause: 'AWS KMS throttles',
    key: () => single,
    state: 'throttled',
    answer: '503 ERR_KMS_THROTTLED',
    produce: (key) => fault(key, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    key: () => single,
    state: 'unreachable',
    answer: '503 ERR_KMS_TIMEOUT',
    produce: (key) => fault(key, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    key: () => single,
    state: 'unreachable',
    answer: '503 ERR_KMS_FAILED',
    produce: (key) => fault(key, 'error500'),
  },
  {
    cause: 'The region cannot be reached; the key has no replica',
    key: () => single,
    state: 'unreachable',
    answer: '503 ERR_KMS_UNREACHABLE',
    produce: regionDown,
  },
  {
    cause: 'The region cannot be reached; the key has a replica',
    key: () => replicated,
    state: 'degraded',
    answer: '200',
    produce: regionDown,
  },
]

async function answerTo({ tenant, tokens }: Key): Promise<string> {
  const { status, body } = await server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: tokens.map((token) => ({ token })) },
  })
  return status === 200 ? '200' : `${status} ${textAt(body, 'errors', 0, 'code')}`
}

async function healthOf({ tenant, fingerprint }: Key): Promise<unknown> {
  const path = `${providers}/${fingerprint}/health`
  return (await server.request('GET', path, { token: tenant.adminToken })).body
}

/** Of the metric keyhold_keys, the labels of the series of that state. */
async function metricLabels(state: string): Promise<string | undefined> {
  const metrics = await (await fetch(`${server.metricsUrl}/metrics`)).text()
  const [, labels] =
    new RegExp(`^keyhold_keys\\{(state="${state}",cause="[^"]*")\\} [1-9]`, 'm').exec(metrics) ?? []
  return labels
}

async function said({ tenant, fingerprint }: Key): Promise<string> {
  const main = path.join(import.meta.dirname, '../../../cli/src/main.ts')
  const child = spawn(process.execPath, [main, 'keyprovider', 'health', fingerprint], {
    env: { KEYHOLD_URL: server.url, KEYHOLD_TOKEN: tenant.adminToken },
  })
  return text(child.stdout)
}

test('each cause has its own state, answer and words, and passes by itself', async () => {
  const rows: string[][] = []
  for (const { cause, key: keyOf, state, answer, produce } of causes) {
    const key = keyOf()
    const takeBack = await produce(key)
    const seen = async () => [at(await healthOf(key), 'state'), await answerTo(key)]
    await expect.poll(seen, { timeout: 30_000, message: cause }).toEqual([state, answer])

    const health = await healthOf(key)
    const words = textAt(health, 'cause')
    const advice = textAt(health, 'advice')
    const printed = await said(key)
    for (const each of [state, words, advice]) expect(printed).toContain(each)
    const labels = await metricLabels(state)
    expect(labels).toBeDefined()
    const [status = '', code] = answer.split(' ')
    // An error that requests meet is the cause that the metrics name.
    if (code !== undefined) expect(labels).toBe(`state="${state}",cause="${code}"`)
    rows.push([
      cause,
      `\`${state}\``,
      code === undefined ? status : `${status} \`${code}\``,
      `\`${labels}\``,
      words,
      advice || '—',
    ])

    await takeBack()
    await expect
      .poll(async () => [await answerTo(key), at(await healthOf(key), 'state')], { timeout: 30_000 })
      .toEqual(['200', 'healthy'])
  }
  const head = ['What was done', 'State', 'Requests are answered', '`keyhold_keys`', 'Cause', 'Advice']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const options = await prettier.resolveConfig(page)
  const markdown = await prettier.format(`${intro}\n${lines.join('\n')}\n`, {
    ...options,
    parser: 'markdown',
  })
  await expect(markdown).toMatchFileSnapshot(page)
}, 400_000)
