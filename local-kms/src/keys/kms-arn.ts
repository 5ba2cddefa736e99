// The names of keys and aliases.
import { partitionOf } from './partition.ts'

const keyIdPattern = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/
const kmsArnPattern = /^arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):(key\/.+|alias\/.+)$/

/** The service model's own, which error messages quote. */
export const regionPattern = /^([a-z]+-){2,3}\d+$/
export const maxRegionCharacters = 32

/** Where a key or alias lives and what it is called there; `resource` is `key/…` or `alias/…`. */
export interface KmsArn {
  region: string
  account: string
  resource: string
}

export function parseKmsArn(text: string): KmsArn | undefined {
  const [, partition, region, account, resource] = kmsArnPattern.exec(text) ?? []
  if (region === undefined || account === undefined || resource === undefined) return undefined
  if (partition !== partitionOf(region)) return undefined
  return { region, account, resource }
}

export function encodeKmsArn({ region, account, resource }: KmsArn): string {
  return `arn:${partitionOf(region)}:kms:${region}:${account}:${resource}`
}

export function isKeyId(text: string): boolean {
  return keyIdPattern.test(text)
}

export function isRegion(text: string): boolean {
  return regionPattern.test(text) && text.length <= maxRegionCharacters
}
