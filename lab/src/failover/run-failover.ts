// A database that fails over again and again under load: no acknowledged data key may be lost, and nothing whose keys are in
// memory may fail meanwhile.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startLocalKms } from '@keyhold/local-kms'
import { createRootKey } from '../../../server/src/wiring/commands/create-root-key.ts'
import { keyholdSettings } from '../../../testkit/src/process/keyhold-settings.ts'
import { serveInProcess, serverCommand } from '../../../testkit/src/process/serve-in-process.ts'
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { startTraffic } from '../rolling-restart/steady-traffic.ts'
import { startKeyMakers, type Acknowledged } from './acknowledged-keys.ts'
import { startPostgresPair, type PostgresPair } from './postgres-pair.ts'

export interface FailoverOptions {
  promotions: number
  /** Between the kill and the promotion. */
  awayMs: number
  /** How long the standby receives nothing before each kill. */
  lagMs: number
  isAsync: boolean
  say: (line: string) => void
}

export interface FailoverResult {
  promotions: number
  acknowledged: number
  /** Acknowledged keys that the database did not have after a promotion, or that did not open at the end. */
  lost: number
  /** Of requests whose keys were in memory. */
  warm: { sent: number; failed: number; failures: Record<string, number>; wrong: number }
  /** Requests for new keys that were refused meanwhile. */
  refusals: Record<string, number>
  /** Answers of `/readyz` other than 200. */
  unready: number
  /** From the kill to the first new key that was acknowledged. */
  withoutWritesMs: { p50: number; max: number }
  problems: string[]
}

const lanes = 2
const betweenMs = 1_000
const backMs = 90_000
const atOnce = 100

export async function runFailover(options: FailoverOptions): Promise<FailoverResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-failover-'))
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    return await failOver(folder, options, undo)
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

async function failOver(
  folder: string,
  { promotions, awayMs, lagMs, isAsync, say }: FailoverOptions,
  undo: (() => Promise<unknown>)[],
): Promise<FailoverResult> {
  const kms = await startLocalKms()
  undo.push(() => kms.close())
  const pair = await startPostgresPair(folder, isAsync)
  undo.push(() => pair.stop())
  const dataDir = path.join(folder, 'keyhold')
  const environment = {
    ...keyholdSettings({ dataDir, kmsUrl: kms.url }),
    KEYHOLD_LOG_LEVEL: 'error',
    KEYHOLD_DATABASE_URL: pair.url,
    KEYHOLD_MAX_KEY_NAMES: '1000000',
  }
  await createRootKey({ dataDir, rootKeyFile: undefined })
  const problems: string[] = []
  const serve = async () => {
    const served = serveInProcess({
      environment,
      onLine: (line) => {
        if (/ERR_INTERNAL|"level":60/.test(line)) problems.push(line)
      },
    })
    return { served, url: await served.listening }
  }
  let running = await serve()
  undo.push(() => end('SIGKILL'))
  async function end(signal: NodeJS.Signals): Promise<void> {
    running.served.kill(signal)
    await running.served.ended
  }

  const { stdout } = await promisify(execFile)(process.execPath, [serverCommand, 'create-operator-key'], {
    env: { PATH: process.env.PATH, ...environment },
  })
  const tenant = await createTenant(running.url, stdout.trim())
  const traffic = startTraffic(running.url, tenant, lanes)
  while (traffic.sent < 50) await sleep(20)
  const before = { ...traffic.failures }
  if (Object.keys(before).length > 0) problems.push(`before the first kill: ${JSON.stringify(before)}`)
  const makers = startKeyMakers(running.url, tenant, lanes)
  const probes = startProbes(running.url)

  const withoutWritesMs: number[] = []
  const lost = new Set<Acknowledged>()
  for (let promotion = 1; promotion <= promotions; promotion++) {
    await sleep(betweenMs)
    if (lagMs > 0) {
      await pair.holdStandby()
      await sleep(lagMs)
    }
    const killedMs = performance.now()
    await pair.killPrimary()
    await sleep(awayMs)
    await pair.promote()
    while (makers.lastMs < killedMs + awayMs && performance.now() < killedMs + awayMs + backMs)
      await sleep(20)
    if (makers.lastMs < killedMs + awayMs)
      problems.push(`promotion ${promotion}: no new key for ${backMs} ms`)
    withoutWritesMs.push(makers.lastMs - killedMs)
    for (const each of await missing(pair, tenant, makers.acknowledged)) lost.add(each)
    await pair.rebuildStandby()
    say(
      `${promotion} promotions, ${makers.acknowledged.length} keys, ${lost.size} lost, ${traffic.sent} warm requests, ${JSON.stringify(traffic.failures)}`,
    )
  }
  await Promise.all([makers.end(), traffic.end(), probes.end()])

  // A process that holds no keys opens them all.
  await end('SIGTERM')
  running = await serve()
  const kept = makers.acknowledged.filter((each) => !lost.has(each))
  for (const each of await unopened(running.url, tenant, kept)) lost.add(each)
  const failed = Object.values(traffic.failures).reduce((sum, count) => sum + count, 0)
  if (failed > 0) problems.push(`warm requests failed: ${JSON.stringify(traffic.failures)}`)
  if (traffic.wrong > 0) problems.push(`${traffic.wrong} values came back as others`)
  if (lost.size > 0 && !isAsync) problems.push(`${lost.size} acknowledged keys are lost`)
  return {
    promotions,
    ...{ acknowledged: makers.acknowledged.length, lost: lost.size },
    warm: { sent: traffic.sent, failed, failures: { ...traffic.failures }, wrong: traffic.wrong },
    refusals: { ...makers.refusals },
    unready: probes.unready,
    withoutWritesMs: {
      p50: Math.round(percentile(withoutWritesMs, 0.5)),
      max: Math.round(Math.max(...withoutWritesMs)),
    },
    problems,
  }
}

/** The keys that the primary does not have. */
async function missing(
  pair: PostgresPair,
  { tenantId }: Tenant,
  acknowledged: readonly Acknowledged[],
): Promise<Acknowledged[]> {
  const all = [...acknowledged]
  const rows = await pair.query(
    'select data_key_id::text as id from keyhold.cipherkeys where tenant_id = $1',
    [tenantId],
  )
  const ids = new Set(rows.map(({ id }) => String(id)))
  return all.filter(({ dataKeyId }) => !ids.has(dataKeyId))
}

async function unopened(
  url: string,
  { serviceToken }: Tenant,
  keys: readonly Acknowledged[],
): Promise<Acknowledged[]> {
  const bad: Acknowledged[] = []
  for (let from = 0; from < keys.length; from += atOnce) {
    const part = keys.slice(from, from + atOnce)
    const reply = await fetch(`${url}/api/v1/encryption/decrypt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ items: part.map(({ token }) => ({ token })) }),
    })
    const { items = [] } = (await reply.json()) as { items?: { plaintext?: string }[] }
    bad.push(...part.filter(({ plaintext }, index) => items[index]?.plaintext !== plaintext))
  }
  return bad
}

function startProbes(url: string): { readonly unready: number; end: () => Promise<void> } {
  let [unready, isEnding] = [0, false]
  async function probe(): Promise<void> {
    while (!isEnding) {
      const isReady = await fetch(`${url}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      )
      if (!isReady) unready += 1
      await sleep(500)
    }
  }
  const running = probe()
  return {
    get unready() {
      return unready
    },
    async end() {
      isEnding = true
      await running
    },
  }
}
