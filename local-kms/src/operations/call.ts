// One call with a valid signature, and how an operation carries it out.
import type { OptOuts } from '../callers/opt-outs.ts'
import type { Caller } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { RequestFields } from '../fields/request-fields.ts'

export interface Call {
  operation: string
  caller: Caller
  region: string
  /** The address that the call came from. */
  sourceIp: string
  fields: RequestFields
  store: KeyStore
  /** The Regions that accounts have not enabled. */
  optOuts: OptOuts
  /** Whether a policy or a grant may name the principal. */
  isPrincipal: (arn: string) => boolean
  nowMs: number
}

/** Answers the members of the response; undefined ones are left out. */
export type Operation = (call: Call) => object

/** The keys that an operation may be used on. AWS takes no alias where the key must be of the caller's own account. */
export type Reach = 'any account' | 'own account'
