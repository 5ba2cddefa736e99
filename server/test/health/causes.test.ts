// Every cause on purpose, and the words that the data plane, the health of the key, the command line and the metrics give
// for it.
// Each cause has a tenant of its own, so that all happen at once. docs/key-causes.md is what this test has seen;
// `npm run docs:write` writes it anew.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import prettier from 'prettier'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, textAt } from '../http/read-body.ts'
import { providers, registerKey } from '../http/scene.ts'
import { startTestServer } from '../../../testkit/src/server/start-test-server.ts'
import {
  other,
  prepareAll,
  startCauseScene,
  type CauseScene,
  type Key,
  type KeyName,
} from './causes/cause-scene.ts'
import { causes } from './causes/causes-of-keys.ts'
import { causesOfReplicas } from './causes/causes-of-replicas.ts'
import { compliances } from './causes/compliances.ts'

const page = path.join(import.meta.dirname, '../../../docs/key-causes.md')
const intro = `# What is said of a customer's key

Made by a test, which does each of this to keys in local-kms, not AWS: what requests are answered, and what
\`keyhold keyprovider health\`, \`GET …/keyproviders/{fingerprint}/health\` and the key provider's \`health\` say, and under
which labels the metric \`keyhold_keys\` counts the key. While what Keyhold holds in memory lasts, an outage is not noticed
by requests at all. Afterwards each cause was taken back, where that can be done, and the data opened again without anything
else being done.
`

let scene: CauseScene
beforeAll(async () => {
  scene = await startCauseScene()
})
afterAll(() => scene.stop())

async function answerTo({ tenant, tokens }: Key): Promise<string> {
  const { status, body } = await scene.server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: tokens.map((token) => ({ token })) },
  })
  return status === 200 ? '200' : `${status} ${textAt(body, 'errors', 0, 'code')}`
}

async function healthOf({ tenant, fingerprint }: KeyName): Promise<unknown> {
  const path = `${providers}/${fingerprint}/health`
  return (await scene.server.request('GET', path, { token: tenant.adminToken })).body
}

/** The series of the metric keyhold_keys: by their labels, how many keys they count. */
async function keyCounts(): Promise<Map<string, number>> {
  const metrics = await (await fetch(`${scene.server.metricsUrl}/metrics`)).text()
  const lines = metrics.matchAll(/^keyhold_keys\{(state="[^"]*",cause="[^"]*")\} (\d+)$/gm)
  return new Map([...lines].map(([, labels = '', count]) => [labels, Number(count)]))
}

async function said({ tenant, fingerprint }: KeyName, verb: 'health' | 'get'): Promise<string> {
  const main = path.join(import.meta.dirname, '../../../cli/src/main.ts')
  const child = spawn(process.execPath, [main, 'keyprovider', verb, fingerprint], {
    env: { KEYHOLD_URL: scene.server.url, KEYHOLD_TOKEN: tenant.adminToken },
  })
  return text(child.stdout)
}

let rows: string[][] = []
let rowsOfOther: string[][] = []
const rowsOfCompliance: string[][] = []
const patience = { timeout: 60_000, interval: 250 }

test('each cause has its own state, answer and words, and passes by itself', async () => {
  const cases = await prepareAll(scene, causes)
  const labelsExpected: string[] = []
  const produced = await Promise.all(
    cases.map(async ({ key, produce, ...each }) => ({ ...each, key, takeBack: await produce(scene, key) })),
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
  const cases = await prepareAll(scene, causesOfReplicas)
  const produced = await Promise.all(
    cases.map(async ({ key, produce, ...each }) => ({ ...each, key, takeBack: await produce(scene, key) })),
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
      const on = onStrict ? strict : scene.server
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
