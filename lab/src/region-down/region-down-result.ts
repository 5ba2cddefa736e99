// The result of a run.
import type { CustomerKind } from '../../../testkit/src/customer/create-customer.ts'
import type { KeyChange } from './change-keys.ts'
import type { PhaseFigures } from './watched-outage.ts'

export const tenantKinds = [
  'with a replica',
  'replica without a policy',
  'single region',
  'internal KMS',
] as const satisfies readonly (CustomerKind | 'internal KMS')[]

export type TenantKind = (typeof tenantKinds)[number]

export interface PhaseResult {
  phase: string
  seconds: number
  tenants: Record<TenantKind, PhaseFigures>
  /** Calls of Keyhold that arrived, by region. */
  kmsCalls: Record<string, number>
  keyChanges: KeyChange[]
}

export interface ReturnResult {
  outage: string
  /** Seconds from the moment when the region came back. */
  ownRegionUsedAfter: number | undefined
  /** Seconds from that moment until the last key of a kind was shown as healthy. */
  shownHealthyAfter: Partial<Record<TenantKind, number>>
}

export interface ShownResult {
  outage: string
  kind: TenantKind
  /** The states that were shown, and after how many seconds. */
  shown: { after: number; state: string }[]
}

export interface RegionDownResult {
  phases: PhaseResult[]
  returns: ReturnResult[]
  shown: ShownResult[]
  /** Everything that must not be. */
  problems: string[]
  loadAverage: { before: number; after: number }
}
