// The part of one replica, where several share a machine under one supervisor. No variable sets it: the supervisor does.

/** The way to a PostgreSQL that the supervisor runs. */
export interface OwnedDatabase {
  host: string
  port: number
  user: string
  password: string
  database: string
}

export interface ReplicaPart {
  /** Counts from 1. A replica that takes the place of another has its number. */
  readonly number: number
  /** How many replicas share this machine. */
  readonly of: number
  /** Undefined: the operator's own PostgreSQL. */
  readonly database?: OwnedDatabase | undefined
}
