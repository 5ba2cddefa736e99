// One control route: what it is called with, and the shapes of its answers.
import type { Callers } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { Propagation } from '../keys/propagation.ts'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Faults } from '../traffic/faults.ts'
import type { Regions } from '../traffic/regions.ts'

/** The parts that tests may change. */
export interface ControlParts {
  faults: Faults
  counts: CallCounts
  regions: Regions
  callers: Callers
  store: KeyStore
  propagation: Propagation
}

export interface ControlRequest {
  /** The part of the path after its first slash: a fault's id, a Region, a role's ARN. */
  name: string
  query: URLSearchParams
  body: Buffer
}

export interface ControlAnswer {
  status: number
  body?: unknown
}

export type ControlRoute = (parts: ControlParts, request: ControlRequest) => ControlAnswer

/** By method and path; `*` stands for the name. */
export type ControlRoutes = readonly (readonly [string, ControlRoute])[]

export function parseJson(body: Buffer): unknown {
  return JSON.parse(body.toString())
}

/** Answers 201 with what `change` answers, or 400 with what it throws. */
export function accept(change: () => object): ControlAnswer {
  try {
    return { status: 201, body: change() }
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : 'invalid' } }
  }
}

export function clear(change: () => void): ControlAnswer {
  change()
  return { status: 204 }
}

export function deleted(existed: boolean): ControlAnswer {
  return { status: existed ? 204 : 404 }
}
