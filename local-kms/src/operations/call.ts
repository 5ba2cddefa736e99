// One authenticated call: who, in which Region, with which fields, on which store.
import type { Caller } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { RequestFields } from './request-fields.ts'

export interface Call {
  readonly operation: string
  readonly caller: Caller
  readonly region: string
  readonly fields: RequestFields
  readonly store: KeyStore
  readonly now: number
}

/** @returns the members of the response; undefined ones are left out. */
export type Operation = (call: Call) => object
