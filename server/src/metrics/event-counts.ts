// Counts the events on this replica in plain numbers as they happen, whether or not anybody asks.
import type { Sample } from './samples.ts'
import { metricCatalog } from './metric-catalog.ts'
import { createRegionLabel } from './region-label.ts'
import { createPlainHistogram, type Observed, type PlainHistogram } from './plain-histogram.ts'

const requestBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10]
const kmsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3]

/** One number for each combination of labels. */
export interface Tally {
  add(labels: readonly string[], amount?: number): void
  samples(): Sample[]
}

function createTally(names: readonly string[]): Tally {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>()
  return {
    add(values, amount = 1) {
      const key = values.join('\n')
      let entry = counts.get(key)
      if (entry === undefined) {
        entry = {
          labels: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])),
          value: 0,
        }
        counts.set(key, entry)
      }
      entry.value += amount
    },
    samples: () => [...counts.values()],
  }
}

export interface EventCounts {
  /** Counts a reply on a route. */
  replied(routeId: string, status: number, elapsedMs: number): void
  /** Counts a request that a rate limit refused. */
  rateLimited(limit: string, scope: string): void
  /** Counts a request that was refused with 401. */
  authenticationRefused(credential: 'none' | 'token' | 'certificate'): void
  /** Counts a JWT, or a certificate of a client, that was refused. */
  tokenRefused(credential: 'jwt' | 'certificate', cause: string): void
  /** Counts a row that steers and is not as Keyhold wrote it, each time that it is read. */
  rowFaulty(table: string, fault: string): void
  /** Counts a connection that was refused. */
  connectionRefused(scope: string): void
  /** Counts the items of one request. */
  items(operation: string, ok: number, failed: number): void
  kmsCalled(call: {
    action: string
    region: string
    outcome: string
    requests: number
    elapsedMs: number | undefined
    ownRefusal?: { policy: string; action: string } | undefined
  }): void
  /** Counts a sign-in with an identity token. */
  signedIn(outcome: string): void
  kmsWaited(priority: string, outcome: string, waitedMs: number): void
  keyChanged(state: string, cause: string): void
  keyProbed(outcome: string): void
  rewrapped(cipherkeys: number): void
  /** Counts a checkpoint of a chain of audit records. */
  auditCheckpoint(outcome: 'signed' | 'contradicted' | 'not-kept'): void
  /** Counts a write of what was verified of generations. */
  generationsKept(outcome: 'kept' | 'not-kept'): void
  readonly tallies: {
    rateLimitRefusals: Tally
    authenticationRefusals: Tally
    tokenRefusals: Tally
    connectionRefusals: Tally
    faultyRows: Tally
    items: Tally
    kmsCalls: Tally
    kmsOwnRefusals: Tally
    signIns: Tally
    kmsRequests: Tally
    kmsWaits: Tally
    kmsWaitSeconds: Tally
    keyChanges: Tally
    keyProbes: Tally
    rewrapped: Tally
    auditCheckpoints: Tally
    generationsKept: Tally
  }
  readonly histograms: readonly PlainHistogram[]
}

export function createEventCounts(): EventCounts {
  const tallies = {
    rateLimitRefusals: createTally(metricCatalog.keyhold_rate_limit_refusals_total.labels),
    authenticationRefusals: createTally(metricCatalog.keyhold_authentication_refusals_total.labels),
    tokenRefusals: createTally(metricCatalog.keyhold_token_refusals_total.labels),
    connectionRefusals: createTally(metricCatalog.keyhold_connection_refusals_total.labels),
    faultyRows: createTally(metricCatalog.keyhold_faulty_rows_total.labels),
    items: createTally(metricCatalog.keyhold_items_total.labels),
    kmsCalls: createTally(metricCatalog.keyhold_kms_calls_total.labels),
    kmsOwnRefusals: createTally(metricCatalog.keyhold_kms_own_refusals_total.labels),
    signIns: createTally(metricCatalog.keyhold_issuer_sign_ins_total.labels),
    kmsRequests: createTally(metricCatalog.keyhold_kms_requests_total.labels),
    kmsWaits: createTally(metricCatalog.keyhold_kms_waits_total.labels),
    kmsWaitSeconds: createTally(metricCatalog.keyhold_kms_wait_seconds_total.labels),
    keyChanges: createTally(metricCatalog.keyhold_key_state_changes_total.labels),
    keyProbes: createTally(metricCatalog.keyhold_key_probes_total.labels),
    rewrapped: createTally(metricCatalog.keyhold_cipherkeys_rewrapped_total.labels),
    auditCheckpoints: createTally(metricCatalog.keyhold_audit_checkpoints_total.labels),
    generationsKept: createTally(metricCatalog.keyhold_generations_kept_total.labels),
  }
  tallies.rewrapped.add([], 0)
  // A rule for alerts needs a series that rises from 0.
  for (const outcome of ['signed', 'contradicted', 'not-kept']) tallies.auditCheckpoints.add([outcome], 0)
  for (const credential of ['none', 'token', 'certificate'])
    tallies.authenticationRefusals.add([credential], 0)
  for (const outcome of ['kept', 'not-kept']) tallies.generationsKept.add([outcome], 0)
  const histogram = (
    name: 'keyhold_http_request_duration_seconds' | 'keyhold_kms_call_duration_seconds',
    bounds: readonly number[],
  ) => createPlainHistogram(name, metricCatalog[name].help, bounds)
  const requests = histogram('keyhold_http_request_duration_seconds', requestBounds)
  const kmsCalls = histogram('keyhold_kms_call_duration_seconds', kmsBounds)
  // The series of each route, by the first digit of the status.
  const replies = new Map<string, Observed[]>()
  const regionLabel = createRegionLabel()
  return {
    replied(routeId, status, elapsedMs) {
      let classes = replies.get(routeId)
      if (classes === undefined) replies.set(routeId, (classes = []))
      const digit = Math.floor(status / 100)
      const series = (classes[digit] ??= requests.series({ route: routeId, status: `${digit}xx` }))
      series.observe(elapsedMs / 1_000)
    },
    rateLimited(limit, scope) {
      tallies.rateLimitRefusals.add([limit, scope])
    },
    authenticationRefused(credential) {
      tallies.authenticationRefusals.add([credential])
    },
    tokenRefused(credential, cause) {
      tallies.tokenRefusals.add([credential, cause])
    },
    rowFaulty(table, fault) {
      tallies.faultyRows.add([table, fault])
    },
    connectionRefused(scope) {
      tallies.connectionRefusals.add([scope])
    },
    items(operation, ok, failed) {
      if (ok > 0) tallies.items.add([operation, 'ok'], ok)
      if (failed > 0) tallies.items.add([operation, 'failed'], failed)
    },
    kmsCalled({ action, region, outcome, requests: sent, elapsedMs, ownRefusal }) {
      if (ownRefusal !== undefined) tallies.kmsOwnRefusals.add([ownRefusal.policy, ownRefusal.action])
      const label = regionLabel(region, outcome === 'ok')
      tallies.kmsCalls.add([action, label, outcome])
      tallies.kmsRequests.add([action, label], sent)
      if (elapsedMs !== undefined) kmsCalls.series({ action, region: label }).observe(elapsedMs / 1_000)
    },
    signedIn(outcome) {
      tallies.signIns.add([outcome])
    },
    kmsWaited(priority, outcome, waitedMs) {
      tallies.kmsWaits.add([priority, outcome])
      tallies.kmsWaitSeconds.add([priority], waitedMs / 1_000)
    },
    keyChanged(state, cause) {
      tallies.keyChanges.add([state, cause])
    },
    keyProbed(outcome) {
      tallies.keyProbes.add([outcome])
    },
    rewrapped(cipherkeys) {
      tallies.rewrapped.add([], cipherkeys)
    },
    auditCheckpoint(outcome) {
      tallies.auditCheckpoints.add([outcome])
    },
    generationsKept(outcome) {
      tallies.generationsKept.add([outcome])
    },
    tallies,
    histograms: [requests, kmsCalls],
  }
}
