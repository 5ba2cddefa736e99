// The messages between the benchmarks and their load process: the load to send to a server, and the outcome.

export interface LoadOrder {
  /** `http://host:port` */
  url: string
  path: string
  headers: Record<string, string>
  body: string
  connections: number
  /** Shown by its connections, over TLS, in PEM. */
  certificate?: { key: string; certificate: string }
  durationMs: number
}

export interface LoadOutcome {
  requests: number
  /** From the first request sent to the last answer. */
  elapsedMs: number
  /** Why the load ended early: an error, or an answer of another length than the first one. */
  failure?: string
}
