// The name of a plan: a digest of the world that the plan has seen, and when. A start that names a plan is refused once the world has
// moved, so that a person confirms what was shown. It is no secret and no proof: it only tells what its bearer has seen.
import { KeyholdError } from '@keyhold/core'
import { createHash } from 'node:crypto'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'

/** All that decides which keys a migration would use. Cipherkeys come and go, and are not part of it. */
export interface PlannedWorld {
  tenantId: string
  ends: { source: KeyProviderRow; target: KeyProviderRow; live: KeyJobRow | undefined }
  /** It rises with each change of the wrapping key, so that a way there and back is noticed. */
  epoch: number
  sourceVersion: number
}

const maxAgeMs = 3_600_000
const msOfSecond = 1_000
const idForm = /^([0-9a-z]{1,11})\.([A-Za-z0-9_-]{43})$/

export function planIdOf(world: PlannedWorld, at: Date): string {
  const madeAt = Math.floor(at.getTime() / msOfSecond).toString(36)
  return `${madeAt}.${digestOf(world, madeAt)}`
}

/** @throws KeyholdError `ERR_MIGRATION_PLAN_OUTDATED` */
export function refuseOutdated(planId: string, world: PlannedWorld, now: Date): void {
  const [, madeAt = '', digest] = idForm.exec(planId) ?? []
  const ageMs = now.getTime() - Number.parseInt(madeAt, 36) * msOfSecond
  // One that is made in the future comes from a database whose clock was set back.
  if (digest !== digestOf(world, madeAt) || !(ageMs >= -msOfSecond && ageMs <= maxAgeMs))
    throw new KeyholdError('ERR_MIGRATION_PLAN_OUTDATED')
}

function digestOf({ tenantId, ends, epoch, sourceVersion }: PlannedWorld, madeAt: string): string {
  const { source, target, live } = ends
  const seen = [
    ...['keyhold/migration-plan/1', madeAt, tenantId, epoch, sourceVersion],
    ...[source, target].map((end) => [end.fingerprint, end.keyArn, end.roleArn ?? '', end.roleAccess ?? '']),
    live?.id ?? '',
  ]
  return createHash('sha256').update(JSON.stringify(seen)).digest('base64url')
}
