// Who asks the database for something. It travels with the asynchronous work, as a query and all that it calls need not
// know whose share of the connections they use.
import { AsyncLocalStorage } from 'node:async_hooks'

export interface ConnectionUser {
  /** Whose share of the connections it uses: a tenant's id, or one of `ownShares`. */
  share: string
  /** Whether it may wait for locks, or read many rows. All such work together gets a part of the connections. */
  isSlow: boolean
  /** Whether it holds a connection already. Then it does not wait for a share: others might wait for it. */
  holdsConnection: boolean
}

/** The shares that belong to no tenant. No id of a tenant has a colon. */
export const ownShares = {
  /** Work outside of requests: key jobs, probes, sweeps, metrics. */
  background: ':background',
  /** Finding out who calls. */
  callers: ':callers',
  /** This replica's sign of life: without it the others take its share of limits. */
  heartbeat: ':heartbeat',
  /** Telling the other replicas: a tenant that uses up its connections holds up no refusal of a KEK. */
  messages: ':messages',
  /** Requests of operators. */
  operators: ':operators',
} as const

/** The share of a tenant's kill switch: as large as the tenant's, beside it. No id of a tenant has a slash. */
export function killSwitchShare(tenantId: string): string {
  return `${tenantId}/kill-switch`
}

const users = new AsyncLocalStorage<ConnectionUser>()
const background: ConnectionUser = { share: ownShares.background, isSlow: false, holdsConnection: false }

/** Runs a request's work, or a part of it, on one share. */
export function onShare<Result>(share: string, isSlow: boolean, work: () => Result): Result {
  return users.run({ share, isSlow, holdsConnection: false }, work)
}

/** Runs work that may wait for locks or read many rows. */
export function slowly<Result>(work: () => Result): Result {
  return users.run({ ...connectionUser(), isSlow: true }, work)
}

/** Runs work that holds a connection. */
export function whileHolding<Result>(work: () => Result): Result {
  return users.run({ ...connectionUser(), holdsConnection: true }, work)
}

/** Who asks now. */
export function connectionUser(): ConnectionUser {
  return users.getStore() ?? background
}
