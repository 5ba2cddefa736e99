// Many keys in use without traffic, of which some fail in every way there is. Measured: how long after a healthy one is
// disabled the database shows it.
import { DisableKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { LocalKms } from '@keyhold/local-kms'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import path from 'node:path'
import pg from 'pg'
import { openCustomerKms } from '../../../testkit/src/customer/customer-kms.ts'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'
import { embeddedConnection } from '../../../testkit/src/process/embedded-connection.ts'
import { startKeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import { loadAverage } from '../load-average.ts'
import { sqlOf, type Sql } from '../rows/sql.ts'
import { seedKeys, type SeededKey } from './seed-keys.ts'

export interface KeyStatesOptions {
  keys: number
  /** Of these keys. */
  failing: number
  /** How many healthy ones are disabled. */
  trials: number
  probeSeconds: number
  /** A key that is shown later is a problem. */
  withinSeconds: number
  say: (line: string) => void
}

export interface KeyStatesResult {
  keys: number
  failing: number
  trials: number
  /** From the answer of the KMS that the key is disabled to the first reading that shows it. */
  shownAfterSeconds: { p50: number; p90: number; longest: number }
  kmsCallsPerMinute: number
  serverCpuPercent: number
  failures: { failure: string; keys: number; callsPerMinute: number }[]
  loadAverage: number
  problems: string[]
}

type Fail = (key: SeededKey) => Promise<unknown>

// Besides the time in which each key is probed once.
const settleSeconds = 10
const betweenTrialsMs = 1_500
const readMs = 250
// A failing machine adds to the time: after that a key counts as never shown.
const patienceShare = 4
const ticksPerSecond = 100

export async function runKeyStates(options: KeyStatesOptions): Promise<KeyStatesResult> {
  const { keys: count, failing, trials, probeSeconds, withinSeconds, say } = options
  if (failing + trials > count) throw new RangeError('there are not so many keys')
  const server = await startKeyholdProcess({
    settings: { KEYHOLD_KEY_PROBE_SECONDS: String(probeSeconds), KEYHOLD_LOG_LEVEL: 'fatal' },
  })
  const customer = openCustomerKms(server.kms.url)
  const database = new pg.Client(embeddedConnection(server.dataDir))
  await database.connect()
  try {
    const sql = sqlOf(database)
    const keys = await seedKeys(customer, sql, { count, probeSeconds, say })
    await resignDatabase(embeddedConnection(server.dataDir), path.join(server.dataDir, 'root-key'))
    const groups = await breakKeys(keys.slice(0, failing), ways(server.kms, customer, sql))
    say(`${failing} of ${count} keys fail`)
    // Until each key has been probed since, and the failing ones are shown.
    await sleep((probeSeconds + settleSeconds) * 1_000)
    server.kms.resetCallCounts()
    const [startMs, startTicks] = [performance.now(), await cpuTicks(server.pid)]
    const shown = await disableOneByOne(sql, customer, keys.slice(failing, failing + trials), options)
    const minutes = (performance.now() - startMs) / 60_000
    const cpuSeconds = ((await cpuTicks(server.pid)) - startTicks) / ticksPerSecond
    const decrypts = (keyId?: string) =>
      server.kms.countCalls({ operation: 'Decrypt', ...(keyId !== undefined && { keyId }) })
    const late = shown.filter((seconds) => seconds > withinSeconds)
    return {
      ...{ keys: count, failing, trials },
      shownAfterSeconds: {
        p50: rounded(percentile(shown, 0.5)),
        p90: rounded(percentile(shown, 0.9)),
        longest: rounded(Math.max(...shown)),
      },
      kmsCallsPerMinute: Math.round(decrypts() / minutes),
      serverCpuPercent: Math.round((cpuSeconds / (minutes * 60)) * 100),
      failures: groups.map(({ failure, of }) => ({
        failure,
        keys: of.length,
        // A few of them stand for all: counting looks through all calls.
        callsPerMinute: rounded(mean(of.slice(0, 20).map(({ keyId }) => decrypts(keyId))) / minutes),
      })),
      loadAverage: loadAverage(),
      problems: late.map((seconds) => `a disabled key was shown after ${rounded(seconds)} s`),
    }
  } finally {
    await database.end()
    customer.destroy()
    await server.stop()
  }
}

/** The ways in which keys fail. The first ones answer, the third does not, and with the last the probe itself fails. */
function ways(kms: LocalKms, customer: KMSClient, sql: Sql): Record<string, Fail> {
  const faulty =
    (kind: 'error500' | 'hang'): Fail =>
    ({ keyId }) =>
      Promise.resolve(kms.faults.add({ kind, match: { keyId } }))
  return {
    'disabled already': ({ keyId }) => customer.send(new DisableKeyCommand({ KeyId: keyId })),
    'AWS KMS fails': faulty('error500'),
    'AWS KMS never answers': faulty('hang'),
    'a damaged row': ({ tenantId }) =>
      sql(`update keyhold.tenant_keys set wrapped = '\\x00' where tenant_id = $1`, [tenantId]),
  }
}

async function breakKeys(keys: readonly SeededKey[], fails: Record<string, Fail>) {
  const names = Object.keys(fails)
  const groups = names.map((failure, index) => ({
    failure,
    of: keys.filter((_, each) => each % names.length === index),
  }))
  for (const { failure, of } of groups) for (const key of of) await fails[failure]?.(key)
  return groups
}

/** Answers after how many seconds each was shown. */
async function disableOneByOne(
  sql: Sql,
  customer: KMSClient,
  keys: readonly SeededKey[],
  { withinSeconds, say }: KeyStatesOptions,
): Promise<number[]> {
  const disabledMs = new Map<string, number>()
  const shown = new Map<string, number>()
  const disabling = new AbortController()
  const reading = (async () => {
    while (!disabling.signal.aborted || shown.size < disabledMs.size) {
      const rows = await sql(
        `select tenant_id from keyhold.key_health where tenant_id = any($1) and state <> 'healthy'`,
        [[...disabledMs.keys()].filter((tenantId) => !shown.has(tenantId))],
      )
      const nowMs = performance.now()
      for (const { tenant_id: tenantId } of rows) {
        const sinceMs = disabledMs.get(String(tenantId))
        if (sinceMs !== undefined) shown.set(String(tenantId), (nowMs - sinceMs) / 1_000)
      }
      for (const [tenantId, sinceMs] of disabledMs)
        if (!shown.has(tenantId) && nowMs - sinceMs > withinSeconds * patienceShare * 1_000)
          shown.set(tenantId, Number.POSITIVE_INFINITY)
      await sleep(readMs)
    }
  })()
  for (const { keyId, tenantId } of keys) {
    await customer.send(new DisableKeyCommand({ KeyId: keyId }))
    disabledMs.set(tenantId, performance.now())
    if (disabledMs.size % 10 === 0) say(`${disabledMs.size} keys disabled, ${shown.size} of them shown`)
    await sleep(betweenTrialsMs)
  }
  disabling.abort()
  await reading
  return [...shown.values()]
}

/** The processor time that a process has used, in ticks of the kernel. */
async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
