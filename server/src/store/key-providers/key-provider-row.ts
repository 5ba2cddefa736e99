// A key provider as its row says, once that is verified.
import { keyArnFingerprint, type AliasProblem, type KeyInspection } from '@keyhold/core'
import type { Selectable } from 'kysely'
import type { Authentic } from '../authentic/row-macs.ts'
import type { Fence } from '../fence/fence-row.ts'
import { flag, jsonReader, listOf, members, text, type JsonColumn } from '../json-column.ts'
import type { Tables } from '../tables.ts'

export interface KeyProviderRow {
  tenantId: string
  fingerprint: string
  kms: 'internal' | 'aws'
  keyArn: string
  name: string
  description: string
  isCurrent: boolean
  createdAt: Date
  promotedAt: Date | undefined
  demotedAt: Date | undefined
  /** The last inspection of the key; undefined: there was none. */
  inspection: JsonColumn<KeyInspection> | undefined
  /** The role in the customer's account through which the key is reached; undefined: as Keyhold itself. */
  roleArn: string | undefined
  /** How the role is assumed; undefined: with the tenant's external id. */
  roleAccess: 'web-identity' | undefined
  /** The alias by which the key was registered. */
  alias: KeyAlias | undefined
}

/** One of which nobody knows what Keyhold wrote last. Nothing follows from it. */
export interface TamperedKeyProvider {
  isTampered: true
  tenantId: string
  fingerprint: string
  /** As the fence states. */
  isCurrent: boolean
}

/** A key provider in a list of people, which has all of them. */
export type ShownKeyProvider = (KeyProviderRow & { isTampered?: never }) | TamperedKeyProvider

export interface KeyAlias {
  arn: string
  /** The key that it named at the last look; undefined: no key that Keyhold may see. */
  keyArn: string | undefined
  /** Why that key cannot be used, where it is not the registered one. */
  problem: AliasProblem | undefined
  checkedAt: Date
}

const finding = members({ code: text, region: text, message: text })

export const readInspection = jsonReader<KeyInspection>(
  'key_providers.inspection',
  members(
    {
      keyArn: text,
      multiRegion: flag,
      replicaKeys: listOf(members({ keyArn: text, region: text })),
      drCompliant: flag,
      complianceError: finding,
    },
    { warnings: listOf(finding) },
  ),
  'ERR_KEY_PROVIDER_RECORD_INVALID',
)

export type StoredProvider = Selectable<Tables['key_providers']>

export function fromRow(row: Authentic<StoredProvider>, fence: Fence | undefined): KeyProviderRow {
  return {
    tenantId: row.tenant_id,
    fingerprint: row.fingerprint,
    kms: row.kms,
    keyArn: row.key_arn,
    name: row.name,
    description: row.description,
    isCurrent: isCurrent(row, fence),
    createdAt: row.created_at,
    promotedAt: row.promoted_at ?? undefined,
    demotedAt: row.demoted_at ?? undefined,
    inspection: readInspection(row.inspection, row.fingerprint),
    roleArn: row.role_arn ?? undefined,
    roleAccess: row.role_access ?? undefined,
    alias:
      row.alias_arn === null
        ? undefined
        : {
            arn: row.alias_arn,
            keyArn: row.alias_key_arn ?? undefined,
            problem:
              row.alias_problem !== null && row.alias_problem_key_arn === row.alias_key_arn
                ? row.alias_problem
                : undefined,
            checkedAt: row.alias_checked_at ?? row.created_at,
          },
  }
}

export function isCurrent(row: StoredProvider, fence: Fence | undefined): boolean {
  return fence?.stated === undefined ? row.is_current : fence.stated.currentFingerprint === row.fingerprint
}

/** A fingerprint is made of its key's ARN, and the ARN says which KMS has the key. */
export function isNamedByKey({ tenant_id, fingerprint, kms, key_arn }: StoredProvider): boolean {
  return kms === (key_arn.startsWith('arn:') ? 'aws' : 'internal')
    ? fingerprint === (kms === 'internal' ? tenant_id : keyArnFingerprint(key_arn))
    : false
}
