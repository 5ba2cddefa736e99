// Reports of the server's process about each fence that somebody held alone.
import path from 'node:path'
import type { FenceReport } from '../large-tenant/report-fences.ts'

export type { FenceReport } from '../large-tenant/report-fences.ts'

/** Loaded into the server's process. */
export const fenceReporter = path.join(import.meta.dirname, '../large-tenant/report-fences.ts')

/** The longest of the reports so far, which it takes away. */
export function takeLongestHeldMs(reports: FenceReport[]): number {
  return Math.max(0, ...reports.splice(0).map(({ heldMs }) => heldMs))
}
