// The messages between a supervisor and its replicas, over the channel that Node gives a process and its child.
import type { ProbeAnswer } from '../main.ts'
import type { ReplicaPart } from '../settings/replica-part.ts'

export type Question = 'metrics' | '/livez' | '/readyz'

export type ToReplica =
  /** The first one. */
  | { type: 'start'; part: ReplicaPart; port: number }
  | { type: 'drain' }
  | { type: 'stop' }
  | { type: 'ask'; id: number; about: Question }

export interface StartedReplica {
  url: string
  boundUrl: string
  uses: string
}

export type FromReplica =
  | ({ type: 'started' } & StartedReplica)
  /** Undefined: it could not be said, and the log of the replica says why. */
  | { type: 'answer'; id: number; said: string | ProbeAnswer | undefined }
