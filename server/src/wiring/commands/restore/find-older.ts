// Compares the database with what replicas have kept outside of it.
import { isKeyholdError } from '@keyhold/core'
import path from 'node:path'
import {
  gatherRecords,
  type FenceRecord,
  type GuardRecord,
  type InstallationRecord,
  type KeptRecords,
} from '../../../installation/generations/generation-records.ts'
import { generationsFile, keptGenerations } from '../../../installation/generations/kept-generations.ts'
import type { Store } from '../../../store/store.ts'
import { macRing, type ClaimedRootKey } from '../../root-key/claimed-root-key.ts'

/** A tenant of which at least one row is older than one that was verified. */
export interface OlderTenant {
  tenantId: string
  /** The generation that the row shows now, and what is known; undefined: nothing. */
  fence: { shown: number; record: FenceRecord | undefined }
  guard: { shown: number; record: GuardRecord | undefined }
}

export interface OlderRows {
  /** The generation that the installation's row shows, and what is known. */
  installation: { shown: number; record: InstallationRecord | undefined; isOlder: boolean }
  tenants: OlderTenant[]
}

export interface ReadFolders {
  records: KeptRecords
  /** The folders in which there is a file of generations. */
  found: string[]
}

const tenantsAtOnce = 500

/** @throws KeyholdError `ERR_STATE_FILE_INVALID` */
export async function readFolders(folders: readonly string[], rootKey: ClaimedRootKey): Promise<ReadFolders> {
  const records = gatherRecords()
  const found: string[] = []
  for (const stateDir of folders) {
    const kept = keptGenerations({ stateDir, ring: macRing(rootKey, rootKey.installationId) })
    if (
      await kept.read((record) => {
        records.add(record)
      })
    )
      found.push(path.join(stateDir, generationsFile))
  }
  return { records, found }
}

export function isOlder({
  shown,
  record,
}: {
  shown: number
  record: { generation: number } | undefined
}): boolean {
  return record !== undefined && shown < record.generation
}

interface Glances {
  generations: Pick<Store['generations'], 'glance'>
  installation: Pick<Store['installation'], 'glanceAtGeneration'>
}

/**
 * Believes no generation that is not under a right MAC: whoever puts an older row back can write any number into it. Such a row
 * has the generation 0.
 */
export function verifiedGlances({
  generations,
  installation,
}: Pick<Store, 'generations' | 'installation'>): Glances {
  return {
    generations: { glance: (tenantIds) => generations.glanceVerified(tenantIds) },
    installation: {
      async glanceAtGeneration() {
        try {
          return (await installation.findRow())?.generation
        } catch (error) {
          if (isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC', 'ERR_ROOT_KEY_OUTDATED')) return 0
          throw error
        }
      },
    },
  }
}

export async function findOlder(
  { generations, installation }: Glances,
  records: KeptRecords,
): Promise<OlderRows> {
  const ofInstallation = {
    shown: (await installation.glanceAtGeneration()) ?? 0,
    record: records.installation,
  }
  const tenants: OlderTenant[] = []
  const ids = [...new Set([...records.fences.keys(), ...records.guards.keys()])].sort()
  for (let index = 0; index < ids.length; index += tenantsAtOnce) {
    for (const { tenantId, ...shown } of await generations.glance(ids.slice(index, index + tenantsAtOnce))) {
      const fence = { shown: shown.fence, record: records.fences.get(tenantId) }
      const guard = { shown: shown.guard ?? 0, record: records.guards.get(tenantId) }
      if (isOlder(fence) || isOlder(guard)) tenants.push({ tenantId, fence, guard })
    }
  }
  return { installation: { ...ofInstallation, isOlder: isOlder(ofInstallation) }, tenants }
}
