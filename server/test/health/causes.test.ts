// Every cause on purpose, and the words that the data plane, the health of the key, the command line and the metrics give
// for it.
// Each cause has a tenant of its own, so that all happen at once. docs/key-causes.md is what this test has seen;
// `npm run docs:write` writes it anew. The gate tries one in ten and looks whether the page tells the same of it:
// `npm run check:slow` tries all of them. cause-sequences.test.ts meets each refusal and each outage, too.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { readFile } from 'node:fs/promises'
import { format } from 'oxfmt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, textAt } from '../http/read-body.ts'
import { providers, registerKey } from '../http/scene.ts'
import { startTestServer } from '../../../testkit/src/server/start-test-server.ts'
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'
import {
  other,
  prepareAll,
  startCauseScene,
  type CauseScene,
  type Key,
  type KeyName,
  type OwnCause,
} from './causes/cause-scene.ts'
import { causesOfDeletions } from './causes/causes-of-deletions.ts'
import { causes } from './causes/causes-of-keys.ts'
import { causesOfOurs } from './causes/causes-of-policies.ts'
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

const whosePolicy = `## Whose policy has refused

AWS names the type of the policy that refused, and nobody else can write into that sentence: keys, roles and policies have
names without spaces, and Keyhold reads nothing but whole sentences. A refusal is Keyhold's own, \`ERR_KMS_OWN_POLICY\`,
only if four things agree: the policy is one over the caller (identity, permissions boundary, session, VPC endpoint, service
control); the call was made with Keyhold's own credentials, or with a role of the same account; AWS STS (\`GetCallerIdentity\`)
says that this is Keyhold's account; and AWS speaks of a principal of that account. **Everything else counts as the
customer's**: a policy over the key or the role, a role in another account, words that are not known, and all of it while
AWS STS does not answer. \`keyhold_kms_own_refusals_total\` counts Keyhold's own by the type of the policy.

**What somebody gains who can forge such an answer**, so that a true refusal looks like Keyhold's own. It would have to be
somebody who speaks for AWS KMS: a customer cannot, who has policies, roles and a proxy, but not their words. It gains the
rest of the time for which the key is held anyway (\`KEYHOLD_KEY_CACHE_TTL_SECONDS\` from the last call that opened it),
and never more, since such an answer

- extends nothing: the time runs from the last true yes, and afterwards requests get 503;
- opens nothing: no other region is asked in its place;
- ends no refusal: one that was met before stays in the health of the key, which every replica reads before it lets another
  region stand in, until AWS KMS says yes.

Whoever can forge it can also keep the call from arriving, which is an outage, and gains no less by that.
`

const isWhole = process.env.SLOW === '1'

let scene: CauseScene
beforeAll(async () => {
  scene = await startCauseScene()
})
afterAll(() => scene.stop())

async function answerTo({ tenant, tokens }: Key): Promise<{ answer: string; words: string }> {
  const { status, body } = await scene.server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: tokens.map((token) => ({ token })) },
  })
  const [code, title, detail] = ['code', 'title', 'detail'].map((name) => at(body, 'errors', 0, name))
  return {
    answer: status === 200 ? '200' : `${status} ${String(code)}`,
    words: [title, detail].filter((each) => typeof each === 'string').join(' '),
  }
}

async function healthOf({ tenant, fingerprint }: KeyName): Promise<unknown> {
  const path = `${providers}/${fingerprint}/health`
  return (await scene.server.request('GET', path, { token: tenant.adminToken })).body
}

async function readMetrics(): Promise<string> {
  return (await fetch(`${scene.server.metricsUrl}/metrics`)).text()
}

/** The series of the metric keyhold_keys: by their labels, how many keys they count. */
async function keyCounts(): Promise<Map<string, number>> {
  const lines = (await readMetrics()).matchAll(/^keyhold_keys\{(state="[^"]*",cause="[^"]*")\} (\d+)$/gm)
  return new Map([...lines].map(([, labels = '', count]) => [labels, Number(count)]))
}

async function said({ tenant, fingerprint }: KeyName, verb: 'health' | 'get'): Promise<string> {
  const main = path.join(import.meta.dirname, '../../../cli/src/main.ts')
  const child = spawn(process.execPath, [main, 'keyprovider', verb, fingerprint], {
    env: {
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      KEYHOLD_URL: scene.server.url,
      KEYHOLD_TOKEN: tenant.adminToken,
    },
  })
  return text(child.stdout)
}

const rows: string[][] = []
const rowsOfWords: string[][] = []
let rowsOfOther: string[][] = []
const rowsOfCompliance: string[][] = []
const patience = { timeout: 60_000, interval: 500 }

/** Produces all of them, looks at each, and takes it back. */
async function observe(all: readonly OwnCause[]): Promise<void> {
  const cases = await prepareAll(scene, all)
  const produced = await Promise.all(
    cases.map(async ({ key, produce, ...each }) => ({ ...each, key, takeBack: await produce(scene, key) })),
  )
  const labelsExpected: string[] = []
  const seen = produced.map(async ({ cause, how, notFor, key, state, answer }) => {
    const now = async () => [at(await healthOf(key), 'state'), (await answerTo(key)).answer]
    await expect.poll(now, { ...patience, message: cause }).toEqual([state, answer])
    const health = await healthOf(key)
    const advice = textAt(health, 'advice')
    const [status = '', code] = answer.split(' ')
    // An error that requests meet is the cause that the metrics name; what no request meets is one that probes do.
    const labels = `state="${state}",cause="${code ?? 'ERR_KMS_UNREACHABLE'}"`
    labelsExpected.push(labels)
    const shown = code === undefined ? status : `${status} \`${code}\``
    return {
      row: [cause, `\`${state}\``, shown, `\`${labels}\``, textAt(health, 'cause'), advice || '—'],
      words: [cause, how, (await answerTo(key)).words || '—', notFor],
    }
  })
  const outcomes = await Promise.all(seen)
  rows.push(...outcomes.map(({ row }) => row))
  rowsOfWords.push(...outcomes.map(({ words }) => words))

  const counts = await keyCounts()
  for (const labels of labelsExpected)
    expect([labels, counts.get(labels)]).toEqual([
      labels,
      labelsExpected.filter((each) => each === labels).length,
    ])
  // The command prints of one what it prints of all: cli/test has its tests.
  const [first] = produced
  const [row] = outcomes.map((outcome) => outcome.row)
  if (first === undefined) throw new Error('no causes')
  const printed = await said(first.key, 'health')
  for (const each of [first.state, row?.[4], row?.[5]]) expect(printed).toContain(each)

  await Promise.all(
    produced.map(async ({ cause, key, takeBack }) => {
      if (takeBack === undefined) return
      await takeBack()
      await expect
        .poll(async () => [(await answerTo(key)).answer, at(await healthOf(key), 'state')], {
          ...patience,
          message: cause,
        })
        .toEqual(['200', 'healthy'])
    }),
  )
}

test('each cause has its own state, answer and words, and passes by itself', async () => {
  const some = new Set([...doseOf(causes, 10), ...causesOfOurs])
  await observe(causes.filter((each) => some.has(each)))
  const ours = /^keyhold_kms_own_refusals_total\{policy="serviceControl",action="Decrypt"\} [1-9]/m
  expect(await readMetrics()).toMatch(ours)
}, 200_000)

test('so has a deletion, which does not pass', () => observe(doseOf(causesOfDeletions, 2)), 100_000)

test('each cause in another region is told of that region, and requests go on', async () => {
  const cases = await prepareAll(scene, doseOf(causesOfReplicas, 8))
  const produced = await Promise.all(
    cases.map(async ({ key, produce, ...each }) => ({ ...each, key, takeBack: await produce(scene, key) })),
  )
  const stateOf = async (key: Key) => at(await healthOf(key), 'regions', 1, 'state')
  rowsOfOther = await Promise.all(
    produced.map(async ({ cause, key, state }) => {
      await expect.poll(() => stateOf(key), { ...patience, message: cause }).toBe(state)
      const health = await healthOf(key)
      expect([at(health, 'state'), (await answerTo(key)).answer]).toEqual(['healthy', '200'])
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
    doseOf(compliances, 3).map(async ({ cause, onStrict, code, makeKey }) => {
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
    '## How each is produced in local-kms, and what it must not be taken for\n\n`kms` is what `startLocalKms` answers; the same can be done [over HTTP](../local-kms/README.md). Everything else is what\ncustomers do in AWS.',
    table(['What was done', 'How', 'The words of the API', 'It must not be taken for'], rowsOfWords),
    whosePolicy,
    '## In the region of a replica\n\nThe key answers in its own region, so that its state stays `healthy` and requests are answered; `regions` tells of the\nother one.',
    table(['What was done to the replica', 'State there', 'Cause', 'Advice'], rowsOfOther),
    '## Whether a key survives the loss of its region\n\nWhat `drCompliant: false` and `complianceError` say after a registration or a test; `keyhold keyprovider get` prints it.',
    table(['What was registered', 'Code', 'Region', 'Message'], rowsOfCompliance),
  ]
  const { code } = await format(page, [intro, ...tables].join('\n\n'))
  if (isWhole) {
    await expect(code).toMatchFileSnapshot(page)
    return
  }
  // How wide a column is depends on all rows.
  const told = new Set((await readFile(page, 'utf8')).split('\n').map(withoutWidths))
  const seen = code.split('\n').map(withoutWidths)
  expect(seen.length).toBeGreaterThan(rows.length + rowsOfWords.length + rowsOfOther.length)
  for (const line of seen) expect(told).toContain(line)
})

function withoutWidths(line: string): string {
  return line.replace(/-{3,}/g, '---').replace(/ +/g, ' ')
}

function table(head: string[], body: string[][]): string {
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
