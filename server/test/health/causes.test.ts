// Every cause on purpose, and the words that the data plane, the health of the key, the command line and the metrics give
// for it.
// docs/key-causes.md is what this test has seen; `npx vitest run server/test/health/causes.test.ts --update=all` writes it anew.
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import prettier from 'prettier'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, textAt } from '../http/read-body.ts'
import { createKey, migrateTo, policyWithout, providers, registerKey, setPolicy } from '../http/scene.ts'
import { encryptUnder } from '../../../testkit/src/api.ts'
import {
  customerKeyPolicy,
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/start-test-server.ts'

const page = path.join(import.meta.dirname, '../../../docs/key-causes.md')
const intro = `# What is said of a customer's key

Made by a test, which does each of this to keys in local-kms, not AWS: what requests are answered, and what
\`keyhold keyprovider health\`, \`GET …/keyproviders/{fingerprint}/health\` and the key provider's \`health\` say, and under
which labels the metric \`keyhold_keys\` counts the key. While what Keyhold holds in memory lasts, an outage is not noticed
by requests at all. Afterwards each cause was taken back, where that can be done, and the data opened again without anything
else being done.
`

interface KeyName {
  tenant: TestTenant
  fingerprint: string
}

interface Key extends KeyName {
  arn: string
  tokens: string[]
}

let server: TestServer
let single: Key
let replicated: Key
let doomed: Key
let doomedOfOurs: Key
let halfDoomedOfOurs: Key
let kmsAheadMs = 0
beforeAll(async () => {
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '1',
    KEYHOLD_KEY_PROBE_SECONDS: '1',
    KEYHOLD_METRICS_PORT: '0',
  }
  server = await startTestServer(settings, { kmsNow: () => Date.now() + kmsAheadMs })
  single = await prepare(() => createKey(server))
  const replicate = (tenant: TestTenant) => server.createCustomerKey([tenant.tenantId])
  replicated = await prepare(replicate)
  doomed = await prepare(() => createKey(server))
  doomedOfOurs = await prepare(() => createOwnKey(false))
  halfDoomedOfOurs = await prepare(() => createOwnKey(true))
})
afterAll(async () => {
  for (const client of ourClients) client.destroy()
  await server.stop()
})

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
  /** Undefined: it cannot be taken back. */
  produce: (key: Key) => Promise<(() => unknown) | undefined>
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
  {
    cause: 'What Keyhold has stored under the key is damaged',
    key: () => single,
    state: 'misconfigured',
    answer: '424 ERR_KMS_INVALID_CIPHERTEXT',
    produce: damage,
  },
  {
    cause: 'The key was scheduled for deletion, and the waiting period has passed',
    key: () => doomed,
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: ({ arn }) => deleteAndWait(server.customerKms(), arn),
  },
  {
    cause: 'The same, where Keyhold calls from the key’s own account, as through a role',
    key: () => doomedOfOurs,
    state: 'notFound',
    answer: '424 ERR_KMS_KEY_NOT_FOUND',
    produce: ({ arn }) => deleteAndWait(ourKms(own), arn),
  },
]

async function damage({ tenant: { tenantId } }: Key): Promise<() => unknown> {
  const where = `tenant_id = $1 and state = 'active'`
  const [row] = await server.query(`select wrapped from keyhold.tenant_keys where ${where}`, [tenantId])
  const before = row?.wrapped as Buffer
  const set = (wrapped: Buffer) =>
    server.query(`update keyhold.tenant_keys set wrapped = $2 where ${where}`, [tenantId, wrapped])
  const [prefix = '', blob = ''] = before.toString('latin1').split(/(?<=#:[0-9a-f]{32}:)/)
  const bytes = Buffer.from(blob, 'base64')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  await set(Buffer.from(prefix + bytes.toString('base64'), 'latin1'))
  return () => set(before)
}

const dayMs = 86_400_000

async function deleteAndWait(client: KMSClient, arn: string): Promise<undefined> {
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 }))
  kmsAheadMs += 8 * dayMs
}

const ourClients: KMSClient[] = []
function ourKms(region: string): KMSClient {
  const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
  const client = new KMSClient({ region, endpoint: server.kms.url, credentials })
  ourClients.push(client)
  return client
}

/** A key in Keyhold's own account, which AWS tells more. */
async function createOwnKey(isReplicated: boolean): Promise<string> {
  const command = new CreateKeyCommand({ MultiRegion: isReplicated })
  const { KeyMetadata: metadata } = await ourKms(own).send(command)
  if (isReplicated) {
    await ourKms(own).send(new ReplicateKeyCommand({ KeyId: metadata?.KeyId, ReplicaRegion: other }))
    await setTimeout(250)
  }
  return metadata?.Arn ?? ''
}

const other = 'eu-west-3'
const inOther = ({ arn }: Key) => arn.replace(own, other)
const faultInOther = (key: Key, kind: 'throttle' | 'hang' | 'error500') =>
  Promise.resolve(server.kms.faults.add({ kind, match: { region: other, keyId: keyId(key) } }))

// The same where another region stands by: nothing of it concerns requests while the own region answers.
const causesInOther: {
  cause: string
  key: () => Key
  state: string
  produce: (key: Key) => Promise<(() => unknown) | undefined>
}[] = [
  {
    cause: 'Its policy does not name Keyhold any more',
    key: () => replicated,
    state: 'denied',
    produce: async (key) => {
      await setPolicy(server.customerKms(other), inOther(key), policyWithout())
      return () => setPolicy(server.customerKms(other), inOther(key), customerKeyPolicy())
    },
  },
  {
    cause: 'It is disabled',
    key: () => replicated,
    state: 'disabled',
    produce: async (key) => {
      await server.customerKms(other).send(new DisableKeyCommand({ KeyId: inOther(key) }))
      return () => server.customerKms(other).send(new EnableKeyCommand({ KeyId: inOther(key) }))
    },
  },
  {
    cause: 'It is scheduled for deletion',
    key: () => replicated,
    state: 'pendingDeletion',
    produce: async (key) => {
      const client = server.customerKms(other)
      await client.send(new ScheduleKeyDeletionCommand({ KeyId: inOther(key), PendingWindowInDays: 7 }))
      return async () => {
        await client.send(new CancelKeyDeletionCommand({ KeyId: inOther(key) }))
        await client.send(new EnableKeyCommand({ KeyId: inOther(key) }))
      }
    },
  },
  {
    cause: 'AWS KMS throttles',
    key: () => replicated,
    state: 'throttled',
    produce: (key) => faultInOther(key, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    key: () => replicated,
    state: 'unreachable',
    produce: (key) => faultInOther(key, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    key: () => replicated,
    state: 'unreachable',
    produce: (key) => faultInOther(key, 'error500'),
  },
  {
    cause: 'It was deleted, and Keyhold calls from its account',
    key: () => halfDoomedOfOurs,
    state: 'notFound',
    produce: (key) => deleteAndWait(ourKms(other), inOther(key)),
  },
]

// What registrations and tests say of a key's way out of a region that fails.
const compliances: {
  cause: string
  onStrict?: true
  code: string
  makeKey: (on: TestServer) => Promise<string>
}[] = [
  { cause: 'A single-region key', code: 'ERR_KEY_SINGLE_REGION', makeKey: (on) => createKey(on) },
  {
    cause: 'A multi-region key without a replica',
    code: 'ERR_KEY_SINGLE_REGION',
    makeKey: (on) => createKey(on, { MultiRegion: true }),
  },
  {
    cause: 'A replica, but not in the region that `KEYHOLD_DR_REGIONS` names',
    onStrict: true,
    code: 'ERR_KEY_SINGLE_REGION',
    makeKey: (on) => on.createCustomerKey(),
  },
  ...['GenerateDataKey', 'Decrypt', 'DescribeKey'].map((action) => ({
    cause: `A replica whose policy lacks \`kms:${action}\``,
    code: 'Encryption-88',
    makeKey: async (on: TestServer) => {
      const arn = await on.createCustomerKey()
      await setPolicy(on.customerKms(other), arn.replace(own, other), policyWithout(action))
      return arn
    },
  })),
  {
    cause: 'A replica that is disabled',
    code: 'ERR_KMS_KEY_DISABLED',
    makeKey: async (on) => {
      const arn = await on.createCustomerKey()
      await on.customerKms(other).send(new DisableKeyCommand({ KeyId: arn.replace(own, other) }))
      return arn
    },
  },
]

async function answerTo({ tenant, tokens }: Key): Promise<string> {
  const { status, body } = await server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: tokens.map((token) => ({ token })) },
  })
  return status === 200 ? '200' : `${status} ${textAt(body, 'errors', 0, 'code')}`
}

async function healthOf({ tenant, fingerprint }: KeyName): Promise<unknown> {
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

async function said({ tenant, fingerprint }: KeyName, verb: 'health' | 'get', on = server): Promise<string> {
  const main = path.join(import.meta.dirname, '../../../cli/src/main.ts')
  const child = spawn(process.execPath, [main, 'keyprovider', verb, fingerprint], {
    env: { KEYHOLD_URL: on.url, KEYHOLD_TOKEN: tenant.adminToken },
  })
  return text(child.stdout)
}

const rows: string[][] = []
const rowsOfOther: string[][] = []
const rowsOfCompliance: string[][] = []

test('each cause has its own state, answer and words, and passes by itself', async () => {
  for (const { cause, key: keyOf, state, answer, produce } of causes) {
    const key = keyOf()
    const takeBack = await produce(key)
    const seen = async () => [at(await healthOf(key), 'state'), await answerTo(key)]
    await expect.poll(seen, { timeout: 30_000, message: cause }).toEqual([state, answer])

    const health = await healthOf(key)
    const words = textAt(health, 'cause')
    const advice = textAt(health, 'advice')
    const printed = await said(key, 'health')
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

    if (takeBack === undefined) continue
    await takeBack()
    await expect
      .poll(async () => [await answerTo(key), at(await healthOf(key), 'state')], { timeout: 30_000 })
      .toEqual(['200', 'healthy'])
  }
}, 400_000)

test('each cause in another region is told of that region, and requests go on', async () => {
  for (const { cause, key: keyOf, state, produce } of causesInOther) {
    const key = keyOf()
    const takeBack = await produce(key)
    const stateOf = async () => at(await healthOf(key), 'regions', 1, 'state')
    await expect.poll(stateOf, { timeout: 30_000, message: cause }).toBe(state)

    const health = await healthOf(key)
    expect([at(health, 'state'), await answerTo(key)]).toEqual(['healthy', '200'])
    const words = textAt(health, 'regions', 1, 'cause')
    const advice = textAt(health, 'regions', 1, 'advice')
    const printed = await said(key, 'health')
    for (const each of [`${other}  ${state}: ${words}`, advice]) expect(printed).toContain(each)
    rowsOfOther.push([cause, `\`${state}\``, words, advice || '—'])

    if (takeBack === undefined) continue
    await takeBack()
    await expect.poll(stateOf, { timeout: 30_000 }).toBe('healthy')
  }
}, 400_000)

test('what keeps a key from surviving its region is told when it is registered', async () => {
  const strict = await startTestServer({ KEYHOLD_DR_REGIONS: 'eu-west-1:eu-central-1' })
  for (const { cause, onStrict, code, makeKey } of compliances) {
    const on = onStrict ? strict : server
    const tenant = await on.createTenant()
    const { fingerprint } = await registerKey(on, tenant, await makeKey(on))
    const path = `${providers}/${fingerprint}`
    const { body } = await on.request('GET', path, { token: tenant.adminToken })
    expect([cause, at(body, 'drCompliant')]).toEqual([cause, false])
    const error = {
      code: textAt(body, 'complianceError', 'code'),
      region: textAt(body, 'complianceError', 'region'),
    }
    const message = textAt(body, 'complianceError', 'message')
    expect([cause, error.code]).toEqual([cause, code])
    expect(await said({ tenant, fingerprint }, 'get', on)).toContain(`${code} in ${error.region}: ${message}`)
    rowsOfCompliance.push([cause, `\`${code}\``, error.region, message])
  }
  await strict.stop()
}, 200_000)

test('the page tells what was seen', async () => {
  const tables = [
    table(['What was done', 'State', 'Requests are answered', '`keyhold_keys`', 'Cause', 'Advice'], rows),
    '## In the region of a replica\n\nThe key answers in its own region, so that its state stays `healthy` and requests are answered; `regions` tells of the\nother one.',
    table(['What was done to the replica', 'State there', 'Cause', 'Advice'], rowsOfOther),
    '## Whether a key survives the loss of its region\n\nWhat `drCompliant: false` and `complianceError` say after a registration or a test; `keyhold keyprovider get` prints it.',
    table(['What was registered', 'Code', 'Region', 'Message'], rowsOfCompliance),
  ]
  const options = await prettier.resolveConfig(page)
  const markdown = await prettier.format([intro, ...tables].join('\n\n'), { ...options, parser: 'markdown' })
  await expect(markdown).toMatchFileSnapshot(page)
})

function table(head: string[], body: string[][]): string {
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
