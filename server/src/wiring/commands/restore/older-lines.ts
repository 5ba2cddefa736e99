// Lines for an operator about an older database, and about what was brought into it. Whoever can write to the database chooses ids.
import { shown as safe } from '../../../driver/shown-text.ts'
import { isOlder, type OlderRows, type OlderTenant } from './find-older.ts'
import type { OlderChain } from './older-chains.ts'
import type { RestoredTenant } from './restore-tenant.ts'

interface Row {
  shown: number
  record: { generation: number } | undefined
}

function by(name: string, row: Row): string[] {
  return isOlder(row) ? [`${name} older by ${(row.record?.generation ?? 0) - row.shown}`] : []
}

export function installationLine({ installation }: OlderRows): string {
  return `installation ${by('row', installation).join()}: API keys of no tenant that were revoked since stay revoked`
}

export function tenantLine({ tenantId, fence, guard }: OlderTenant): string {
  const facts = isOlder(fence) ? fence.record?.known?.facts : undefined
  const ofGuard = isOlder(guard) ? guard.record?.known?.facts : undefined
  const isKnown = [fence, guard].every(
    (row) => !isOlder(row) || row.record?.known?.generation === row.record?.generation,
  )
  const minimums = Object.keys(facts?.minimumVersions ?? {}).length
  const wins = [
    ...(isKnown ? [] : ['its newest decisions are not known: it will be locked, without API keys']),
    ...(facts?.isEnding === true ? ['its deletion had begun: it will be locked'] : []),
    ...(typeof ofGuard?.lockedAtMs === 'number' ? ['locked'] : []),
    ...(ofGuard === undefined ? [] : [`API keys that hold: ${ofGuard.apiKeys.length}`]),
    ...(minimums === 0 ? [] : [`minimum versions: ${minimums}`]),
    ...(facts?.isLiveJobCancelled === true ? ['its key job was cancelled'] : []),
  ]
  return `tenant ${safe(tenantId)} ${[...by('fence', fence), ...by('guard', guard)].join(', ')}${wins.length === 0 ? '' : `: ${wins.join('; ')}`}`
}

export function chainLine({ tenantId, shown, signed }: OlderChain): string {
  const whose = tenantId === undefined ? 'of the installation' : `of tenant ${safe(tenantId)}`
  return `audit records ${whose}: ${signed - shown} signed ones are missing, from number ${shown + 1} on`
}

export function restoredLine(tenantId: string, restored: RestoredTenant): string {
  const { isLocked, cancelledKeyJob, cancelledDestructions, raisedMinimums, revokedApiKeys } = restored
  const done = [
    ...(isLocked ? ['is locked'] : []),
    ...(cancelledKeyJob === undefined ? [] : [`key job cancelled: ${cancelledKeyJob}`]),
    ...(cancelledDestructions.length === 0
      ? []
      : [`destructions cancelled: ${cancelledDestructions.join(', ')}`]),
    ...(raisedMinimums.length === 0 ? [] : [`minimum versions raised of: ${raisedMinimums.join(', ')}`]),
    ...(revokedApiKeys.length === 0 ? [] : [`API keys deleted: ${revokedApiKeys.map(safe).join(', ')}`]),
  ]
  return `tenant ${safe(tenantId)} is confirmed${done.length === 0 ? '' : `: ${done.join('; ')}`}`
}
