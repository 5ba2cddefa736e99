// Where a command line runs. Everything that it takes from the process, or does to it, goes through here, so that a test
// can run many command lines in one process.
import type { Readable, Writable } from 'node:stream'

export interface Shell {
  /** Environment variables: the process's own object, where the process itself must see a change. */
  readonly env: Record<string, string | undefined>
  /** The folder that relative paths start from. */
  readonly cwd: string
  readonly stdin: Readable & { isTTY?: boolean }
  readonly stdout: Screen
  readonly stderr: Screen
  /** Ctrl+C and the like. */
  readonly signals: Signals
}

/** A stream that may be a terminal. */
export type Screen = Writable & { isTTY?: boolean; columns?: number }

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

interface Signals {
  once(name: SignalName, listener: () => void): unknown
  off(name: SignalName, listener: () => void): unknown
}
