// What is sent to a server, and what came of it: the messages between the benchmarks and their load process.

export interface LoadOrder {
  /** `http://host:port` */
  url: string
  path: string
  headers: Record<string, string>
  body: string
  connections: number
  durationMs: number
}

export interface LoadOutcome {
  requests: number
  /** From the first request sent to the last answer. */
  elapsedMs: number
  /** The first answer that was none, or of another length than the first one. */
  failure?: string
}
