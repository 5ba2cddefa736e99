// The overview of a tenant as the wire shows it.
import type { Overview } from '@keyhold/contract'
import { keyArnFingerprint } from '@keyhold/core'
import { keyHealthOf } from '../../health/key-health.ts'
import type { NeededKey, Turn } from '../../health/whose-turn.ts'
import type { KeyLight } from '../../providers/key-light.ts'
import type { KeyHealthRow } from '../../store/key-health.ts'
import type { KeyProviderRow, ShownKeyProvider } from '../../store/key-providers/key-provider-row.ts'
import type { TenantKeyVersion } from '../../store/tenant-keys/tenant-key-row.ts'
import { isDefaultProvider, listedKeyProviderWire } from './key-provider-wire.ts'

export function turnWire({ since, fingerprint, params, ...turn }: Turn): Overview['turn'] {
  return {
    ...turn,
    params: { ...params },
    ...(since !== undefined && { since: since.toISOString() }),
    ...(fingerprint !== undefined && { arnFingerPrint: fingerprint }),
  }
}

export function overviewKeyWire(
  row: ShownKeyProvider,
  healthRows: readonly KeyHealthRow[],
  light: KeyLight | undefined,
): Overview['keys'][number] {
  const { arnFingerPrint, name, arn, current, drCompliant, health, alias, tampered } = listedKeyProviderWire(
    row,
    healthRows,
  )
  return {
    ...{ arnFingerPrint, name, arn, current: current === true, internal: isDefaultProvider(row) },
    ...(drCompliant !== undefined && { drCompliant }),
    ...(health !== undefined && { health }),
    ...(alias !== undefined && { alias }),
    ...(light !== undefined && { light: lightWire(light) }),
    ...(tampered !== undefined && { tampered }),
  }
}

export function lightWire({ state, until, since }: KeyLight): NonNullable<Overview['keys'][number]['light']> {
  return {
    state,
    ...(until !== undefined && { until: until.toISOString() }),
    ...(since !== undefined && { since: since.toISOString() }),
  }
}

/** The keys whose refusal would close something: the current one, and those of versions that are not kept for backups alone. */
export function neededKeys(
  providers: readonly KeyProviderRow[],
  versions: readonly TenantKeyVersion[],
  healthRows: readonly KeyHealthRow[],
): NeededKey[] {
  return providers.flatMap(({ kms, keyArn, fingerprint, isCurrent }) => {
    const wraps = versions.some(
      (each) => each.keyArn === keyArn && each.state !== 'destroyed' && each.destroyAfter === undefined,
    )
    if (kms === 'internal' || !(isCurrent || wraps)) return []
    const rows = healthRows.filter((row) => row.fingerprint === fingerprint)
    const health = keyHealthOf(keyArn, rows)
    return health === undefined ? [] : [{ fingerprint, health }]
  })
}

export function formerKeysWire(
  providers: readonly KeyProviderRow[],
  versions: readonly TenantKeyVersion[],
): Overview['formerKeys'] {
  const registered = new Set(providers.map(({ keyArn }) => keyArn))
  const left = versions.filter(
    ({ keyArn, state }) => state !== 'destroyed' && keyArn.startsWith('arn:') && !registered.has(keyArn),
  )
  return [...Map.groupBy(left, ({ keyArn }) => keyArn)].map(([arn, ofKey]) => {
    const ends = ofKey.map(({ destroyAfter }) => destroyAfter?.getTime())
    const until = ends.every((each) => each !== undefined) ? new Date(Math.max(...ends)) : undefined
    const light: KeyLight = { state: until === undefined ? 'in-use' : 'kept', until, since: undefined }
    return { arn, arnFingerPrint: keyArnFingerprint(arn), light: lightWire(light) }
  })
}
