// Every cause on purpose, and the words that the data plane, the health of the key, the command line and the metrics give
// for it.
// Each cause has a tenant of its own, so that all happen at once. docs/key-causes.md is what this test has seen;
// `npm run docs:write` writes it anew.
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
let kmsAheadMs = 0
beforeAll(async () => {
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '1',
    KEYHOLD_KEY_PROBE_SECONDS: '1',
    KEYHOLD_METRICS_PORT: '0',
  }
  server = await startTestServer(settings, {
    kmsNow: () => Date.now() + kmsAheadMs,
    timings: {
      metricCounts: { minMs: 0, timesTook: 0 },
      probeRoundMs: 250,
      probeConfirmSeconds: 0.5,
      probeAfterTrafficSeconds: 0.5,
      healthWriteMs: 250,
      outagePauseMs: { first: 250, max: 500 },
    },
  })
})
afterAll(async () => {
  for (const client of ourClients) client.destroy()
  await server.stop()
})

/** How the key of a cause is made; by default it is the customer's, with a single region. */
type MakeKey = (tenant: TestTenant) => Promise<string>

async function prepare(makeKey: MakeKey = () => createKey(server)): Promise<Key> {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant, await makeKey(tenant))
  await migrateTo(server, tenant, fingerprint)
  return { tenant, arn, fingerprint, tokens: await encryptUnder(server.url, tenant, ['one']) }
}

const own = 'eu-west-1'
const other = 'eu-west-3'
// Regions that only one key each is in, as they are taken down whole.
const ofSingle = 'eu-central-1'
const ofReplicated = 'eu-north-1'

const keyId = ({ arn }: Key) => arn.split('/')[1] ?? ''
const fault = (key: Key, kind: 'throttle' | 'hang' | 'error500') =>
  Promise.resolve(server.kms.faults.add({ kind, match: { region: own, keyId: keyId(key) } }))
const regionDown = (region: string) => () => {
  server.kms.regions.takeDown(region, 'refused')
  return Promise.resolve(() => server.kms.regions.bringBack(region))
}

/** The customer's, in both regions. */
const replicated: MakeKey = ({ tenantId }) => server.createCustomerKey([tenantId])

/** The customer's, elsewhere than the others. */
const inRegion =
  (region: string, isReplicated: boolean): MakeKey =>
  async () => {
    const client = server.customerKms(region)
    const command = new CreateKeyCommand({ MultiRegion: isReplicated, Policy: customerKeyPolicy() })
    const { KeyMetadata: metadata } = await client.send(command)
    if (isReplicated) await replicate(client, metadata?.KeyId, customerKeyPolicy())
    return metadata?.Arn ?? ''
  }

async function replicate(client: KMSClient, id: string | undefined, policy?: string): Promise<void> {
  await client.send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: other, Policy: policy }))
  // A replica is "Creating" for a moment.
  await setTimeout(250)
}

/** One after the other: it is not the preparation that is to be tried. */
async function prepareAll<Each extends Cause>(all: readonly Each[]): Promise<(Each & { key: Key })[]> {
  const prepared: (Each & { key: Key })[] = []
  for (const each of all) prepared.push({ ...each, key: await prepare(each.makeKey) })
  return prepared
}

interface Cause {
  cause: string
  makeKey?: MakeKey
  state: string
  /** Does it, and answers what takes it back; undefined: it cannot be taken back. */
  produce: (key: Key) => Promise<(() => unknown) | undefined>
}

const causes: (Cause & { answer: string })[] = [
  {
    cause: 'The key policy does not name Keyhold any more',
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: async ({ arn }) => {
      await setPolicy(server.customerKms(), arn, policyWithout())
      return () => setPolicy(server.customerKms(), arn, customerKeyPolicy())
    },
  },
  {
    cause: 'The key is disabled',
    makeKey: replicated,
    state: 'disabled',
    answer: '424 ERR_KMS_KEY_DISABLED',
    produce: async ({ arn }) => {
      await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
      return () => server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
    },
  },
  {
    cause: 'The key is scheduled for deletion',
    state: 'pendingDeletion',
    answer: '424 ERR_KMS_KEY_PENDING_DELETION',
    produce: ({ arn }) => scheduleDeletion(server.customerKms(), arn),
  },
  {
    cause: 'AWS KMS throttles',
    state: 'throttled',
    answer: '503 ERR_KMS_THROTTLED',
    produce: (key) => fault(key, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    state: 'unreachable',
    answer: '503 ERR_KMS_TIMEOUT',
    produce: (key) => fault(key, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    state: 'unreachable',
    answer: '503 ERR_KMS_FAILED',
    produce: (key) => fault(key, 'error500'),
  },
  {
    cause: 'The region cannot be reached; the key has no replica',
    makeKey: inRegion(ofSingle, false),
    state: 'unreachable',
    answer: '503 ERR_KMS_UNREACHABLE',
    produce: regionDown(ofSingle),
  },
  {
    cause: 'The region cannot be reached; the key has a replica',
    makeKey: inRegion(ofReplicated, true),
    state: 'degraded',
    answer: '200',
    produce: regionDown(ofReplicated),
  },
  {
    cause: 'What Keyhold has stored under the key is damaged',
    state: 'misconfigured',
    answer: '424 ERR_KMS_INVALID_CIPHERTEXT',
    produce: damage,
  },
  {
    cause: 'The key was scheduled for deletion, and the waiting period has passed',
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: ({ arn }) => deleteAndWait(server.customerKms(), arn),
  },
  {
    cause: 'The same, where Keyhold calls from the key’s own account, as through a role',
    makeKey: () => createOwnKey(false),
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

/** For long enough that the clock may be put forward meanwhile. */
async function scheduleDeletion(client: KMSClient, arn: string): Promise<() => unknown> {
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 30 }))
  return async () => {
    await client.send(new CancelKeyDeletionCommand({ KeyId: arn }))
    await client.send(new EnableKeyCommand({ KeyId: arn }))
  }
}

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
  if (isReplicated) await replicate(ourKms(own), metadata?.KeyId)
  return metadata?.Arn ?? ''
}

const inOther = ({ arn }: Key) => arn.replace(own, other)
const faultInOther = (key: Key, kind: 'throttle' | 'hang' | 'error500') =>
  Promise.resolve(server.kms.faults.add({ kind, match: { region: other, keyId: keyId(key) } }))

// The same where another region stands by: nothing of it concerns requests while the own region answers.
const causesInOther: Cause[] = [
  {
    cause: 'Its policy does not name Keyhold any more',
    makeKey: replicated,
    state: 'denied',
    produce: async (key) => {
      await setPolicy(server.customerKms(other), inOther(key), policyWithout())
      return () => setPolicy(server.customerKms(other), inOther(key), customerKeyPolicy())
    },
  },
  {
    cause: 'It is disabled',
    makeKey: replicated,
    state: 'disabled',
    produce: async (key) => {
      await server.customerKms(other).send(new DisableKeyCommand({ KeyId: inOther(key) }))
      return () => server.customerKms(other).send(new EnableKeyCommand({ KeyId: inOther(key) }))
    },
  },
  {
    cause: 'It is scheduled for deletion',
    makeKey: replicated,
    state: 'pendingDeletion',
    produce: (key) => scheduleDeletion(server.customerKms(other), inOther(key)),
  },
  {
    cause: 'AWS KMS throttles',
    makeKey: replicated,
    state: 'throttled',
    produce: (key) => faultInOther(key, 'throttle'),
  },
  {
    cause: 'AWS KMS does not answer',
    makeKey: replicated,
    state: 'unreachable',
    produce: (key) => faultInOther(key, 'hang'),
  },
  {
    cause: 'AWS KMS fails',
    makeKey: replicated,
    state: 'unreachable',
    produce: (key) => faultInOther(key, 'error500'),
  },
  {
    cause: 'It was deleted, and Keyhold calls from its account',
    makeKey: () => createOwnKey(true),
    state: 'notFound',
    produce: (key) => deleteAndWait(ourKms(other), inOther(key)),
  },
]

// Registrations and tests describe a key's way out of a region that fails.
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

/** The series of the metric keyhold_keys: by their labels, how many keys they count. */
async function keyCounts(): Promise<Map<string, number>> {
  const metrics = await (await fetch(`${server.metricsUrl}/metrics`)).text()
  const lines = metrics.matchAll(/^keyhold_keys\{(state="[^"]*",cause="[^"]*")\} (\d+)$/gm)
  return new Map([...lines].map(([, labels = '', count]) => [labels, Number(count)]))
}

async function said({ tenant, fingerprint }: KeyName, verb: 'health' | 'get'): Promise<string> {
  const main = path.join(import.meta.dirname, '../../../cli/src/main.ts')
  const child = spawn(process.execPath, [main, 'keyprovider', verb, fingerprint], {
    env: { KEYHOLD_URL: server.url, KEYHOLD_TOKEN: tenant.adminToken },
  })
  return text(child.stdout)
}

let rows: string[][] = []
let rowsOfOther: string[][] = []
const rowsOfCompliance: string[][] = []
const patience = { timeout: 60_000, interval: 250 }

test('each cause has its own state, answer and words, and passes by itself', async () => {
  const cases = await prepareAll(causes)
  const labelsExpected: string[] = []
  const produced = await Promise.all(
    cases.map(async ({ key, produce, ...each }) => ({ ...each, key, takeBack: await produce(key) })),
  )
  const seen = produced.map(async ({ cause, key, state, answer }) => {
    const now = async () => [at(await healthOf(key), 'state'), await answerTo(key)]
    await expect.poll(now, { ...patience, message: cause }).toEqual([state, answer])
    const health = await healthOf(key)
    const words = textAt(health, 'cause')
    const advice = textAt(health, 'advice')
    const [status = '', code] = answer.split(' ')
    // An error that requests meet is the cause that the metrics name; what no request meets is one that probes do.
    const labels = `state="${state}",cause="${code ?? 'ERR_KMS_UNREACHABLE'}"`
    labelsExpected.push(labels)
    return [
      cause,
      `\`${state}\``,
      code === undefined ? status : `${status} \`${code}\``,
      `\`${labels}\``,
      words,
      advice || '—',
    ]
  })
  rows = await Promise.all(seen)

  const counts = await keyCounts()
  for (const labels of labelsExpected)
    expect([labels, counts.get(labels)]).toEqual([
      labels,
      labelsExpected.filter((each) => each === labels).length,
    ])
  // The command prints of one what it prints of all: cli/test has its tests.
  const [first] = produced
  if (first === undefined) throw new Error('no causes')
  const printed = await said(first.key, 'health')
  for (const each of [first.state, rows[0]?.[4], rows[0]?.[5]]) expect(printed).toContain(each)

  await Promise.all(
    produced.map(async ({ cause, key, takeBack }) => {
      if (takeBack === undefined) return
      await takeBack()
      await expect
        .poll(async () => [await answerTo(key), at(await healthOf(key), 'state')], {
          ...patience,
          message: cause,
        })
        .toEqual(['200', 'healthy'])
    }),
  )
}, 200_000)

test('each cause in another region is told of that region, and requests go on', async () => {
  const cases = await prepareAll(causesInOther)
  const produced = await Promise.all(
    cases.map(async ({ key, produce, ...each }) => ({ ...each, key, takeBack: await produce(key) })),
  )
  const stateOf = async (key: Key) => at(await healthOf(key), 'regions', 1, 'state')
  rowsOfOther = await Promise.all(
    produced.map(async ({ cause, key, state }) => {
      await expect.poll(() => stateOf(key), { ...patience, message: cause }).toBe(state)
      const health = await healthOf(key)
      expect([at(health, 'state'), await answerTo(key)]).toEqual(['healthy', '200'])
      const words = textAt(health, 'regions', 1, 'cause')
      const advice = textAt(health, 'regions', 1, 'advice')
      return [cause, `\`${state}\``, words, advice || '—']
    }),
  )
  const [first] = produced
  if (first === undefined) throw new Error('no causes')
  const printed = await said(first.key, 'health')
  expect(printed).toContain(`${other}  ${first.state}: ${rowsOfOther[0]?.[2]}`)
  expect(printed).toContain(rowsOfOther[0]?.[3])

  await Promise.all(
    produced.map(async ({ cause, key, takeBack }) => {
      if (takeBack === undefined) return
      await takeBack()
      await expect.poll(() => stateOf(key), { ...patience, message: cause }).toBe('healthy')
    }),
  )
}, 200_000)

test('what keeps a key from surviving its region is told when it is registered', async () => {
  const strict = await startTestServer({ KEYHOLD_DR_REGIONS: 'eu-west-1:eu-central-1' })
  const told = await Promise.all(
    compliances.map(async ({ cause, onStrict, code, makeKey }) => {
      const on = onStrict ? strict : server
      const tenant = await on.createTenant()
      const { fingerprint } = await registerKey(on, tenant, await makeKey(on))
      const { body } = await on.request('GET', `${providers}/${fingerprint}`, { token: tenant.adminToken })
      expect([cause, at(body, 'drCompliant')]).toEqual([cause, false])
      const [region, message] = ['region', 'message'].map((name) => textAt(body, 'complianceError', name))
      expect([cause, textAt(body, 'complianceError', 'code')]).toEqual([cause, code])
      return { key: { tenant, fingerprint }, row: [cause, `\`${code}\``, region ?? '', message ?? ''], code }
    }),
  )
  rowsOfCompliance.push(...told.map(({ row }) => row))
  const [first] = told
  if (first === undefined) throw new Error('nothing was registered')
  const [, , region, message] = first.row
  expect(await said(first.key, 'get')).toContain(`${first.code} in ${region}: ${message}`)
  await strict.stop()
}, 100_000)

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
