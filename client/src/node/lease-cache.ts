// Leased keys in memory. A key is held no longer than the server said, by a monotonic clock that is read before the
// request is sent. Then it is dropped, even if nobody asks for it.
import { KeyholdClientError } from '../keyhold-client-error.ts'
import { abortable } from './files/abortable.ts'

export interface Lease<Key> {
  readonly key: Key
  /** By the cache's clock. If it is over when the key arrives, the key serves the one operation that fetched it. */
  readonly expiresAtMs: number
}

export interface Fetched<Key> {
  key: Key
  expiresInSeconds: number
}

export interface LeaseCacheOptions {
  /** A monotonic clock in milliseconds. */
  clock: () => number
  /** Beyond this number the leases that were unused for longest are dropped. */
  maxLeases: number
}

// Node treats longer times as one millisecond.
const longestTimerMs = 2 ** 31 - 1

export class LeaseCache<Key> {
  readonly #clock: () => number
  readonly #maxLeases: number
  readonly #leases = new Map<string, Lease<Key>>()
  readonly #flights = new Map<string, Promise<Lease<Key>>>()
  #sweep: NodeJS.Timeout | undefined
  #sweepAtMs = Infinity
  #isDisposed = false

  constructor({ clock, maxLeases }: LeaseCacheOptions) {
    this.#clock = clock
    this.#maxLeases = maxLeases
  }

  /** The number of keys in memory. */
  get size(): number {
    return this.#leases.size
  }

  /** The lease under `name`, if it is held and still runs. */
  find(name: string): Lease<Key> | undefined {
    const lease = this.#leases.get(name)
    if (lease === undefined) return undefined
    this.#leases.delete(name)
    if (!this.isRunning(lease)) return undefined
    // The last one in the map is the last to be dropped for want of room.
    this.#leases.set(name, lease)
    return lease
  }

  isRunning(lease: Lease<Key>): boolean {
    return this.#clock() < lease.expiresAtMs
  }

  /**
   * The lease under `name`, which is fetched when none runs. Callers at the same time share one fetch, but never a key
   * that is for one operation alone.
   *
   * @throws the error of `fetch`; the reason of `signal`, which ends the waiting of this caller alone
   */
  async get(name: string, fetch: () => Promise<Fetched<Key>>, signal?: AbortSignal): Promise<Lease<Key>> {
    signal?.throwIfAborted()
    const held = this.find(name)
    if (held !== undefined) return held
    const flight = this.#flights.get(name)
    if (flight !== undefined) {
      const lease = await abortable(flight, signal)
      return this.isRunning(lease) ? lease : abortable(this.#fetch(name, fetch), signal)
    }
    const own = this.#fetch(name, fetch).finally(() => this.#flights.delete(name))
    this.#flights.set(name, own)
    return abortable(own, signal)
  }

  /** Drops all keys, for good. */
  dispose(): void {
    this.#isDisposed = true
    clearTimeout(this.#sweep)
    this.#leases.clear()
  }

  async #fetch(name: string, fetch: () => Promise<Fetched<Key>>): Promise<Lease<Key>> {
    this.#refuseIfDisposed()
    const startMs = this.#clock()
    const { key, expiresInSeconds } = await fetch()
    this.#refuseIfDisposed()
    const lease = { key, expiresAtMs: startMs + expiresInSeconds * 1_000 }
    if (this.isRunning(lease)) this.#hold(name, lease)
    return lease
  }

  #hold(name: string, lease: Lease<Key>): void {
    this.#leases.set(name, lease)
    for (const oldest of this.#leases.keys()) {
      if (this.#leases.size <= this.#maxLeases) break
      this.#leases.delete(oldest)
    }
    if (lease.expiresAtMs < this.#sweepAtMs) this.#scheduleSweep(lease.expiresAtMs)
  }

  #scheduleSweep(atMs: number): void {
    clearTimeout(this.#sweep)
    this.#sweepAtMs = atMs
    const delayMs = Math.min(longestTimerMs, Math.max(1, Math.ceil(atMs - this.#clock())))
    // Unreferenced, so that the process may end before it.
    this.#sweep = setTimeout(() => {
      this.#dropExpired()
    }, delayMs).unref()
  }

  #dropExpired(): void {
    this.#sweepAtMs = Infinity
    let nextMs = Infinity
    for (const [name, lease] of this.#leases) {
      if (!this.isRunning(lease)) this.#leases.delete(name)
      else nextMs = Math.min(nextMs, lease.expiresAtMs)
    }
    if (nextMs !== Infinity) this.#scheduleSweep(nextMs)
  }

  #refuseIfDisposed(): void {
    if (this.#isDisposed) throw new KeyholdClientError('ERR_CLIENT_DISPOSED', 'this client is disposed')
  }
}
