// Messages between the thread that answers requests and the one that works on long bodies. The sides speak by turns: an
// order, then questions with their answers, then the end.
import type { ItemRouteId, OctetRouteId } from '@keyhold/contract'
import { isKeyholdError, KeyholdError, type DataKey, type ErrorCode } from '@keyhold/core'
import type { DataKeyPosition } from '../../data/request-keys.ts'
import type { OctetHeaders } from './long-body.ts'

/** The work on one body. It says nothing about the tenant: whose keys are found is the business of the other side. */
export type BodyOrder = { bytes: Uint8Array } & (
  | { routeId: ItemRouteId; headers?: undefined }
  | { routeId: OctetRouteId; headers: OctetHeaders }
)

export interface AnsweredBody {
  bytes: Uint8Array
  /** How many items succeeded and failed. */
  ok: number
  failed: number
}

/** A method of RequestKeys and its argument. */
export type KeyQuestion =
  | { find: 'actives'; of: ReadonlySet<string> }
  | { find: 'named'; of: ReadonlyMap<string, DataKeyPosition> }
  | { find: 'keyNames'; of: ReadonlySet<string> }

export type FoundKeys = ReadonlyMap<string, DataKey | Refusal | string>

export type ToThread = { id: number } & (
  | { order: BodyOrder }
  | { found: FoundKeys }
  // Nobody wants the answer any more, or the keys could not be found.
  | { giveUp: true }
)

export type FromThread = { id: number } & (
  | { question: KeyQuestion }
  | { answered: AnsweredBody }
  | { refusal: Refusal }
  // The cause is a mistake of ours.
  | { failure: unknown }
)

/** An error of ours in a form that keeps its class and code on the way. */
export interface Refusal {
  code: ErrorCode
  message: string
}

export function refusalOf({ code, message }: KeyholdError): Refusal {
  return { code, message }
}

export function errorOf({ code, message }: Refusal): KeyholdError {
  return new KeyholdError(code, { message })
}

export function foundKeys(byName: ReadonlyMap<string, DataKey | KeyholdError | string>): FoundKeys {
  return new Map(
    Array.from(byName, ([name, found]) => [name, isKeyholdError(found) ? refusalOf(found) : found]),
  )
}
