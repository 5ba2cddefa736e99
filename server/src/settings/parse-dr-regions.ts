// The setting that says which region stands in for which.
import { partitionOf } from '@keyhold/core'

/**
 * Reads `eu-west-1:eu-west-3,us-east-1:us-west-2`. A region may have several pairs; their order is kept.
 *
 * @returns undefined if a pair has another form, pairs regions of two partitions, or names one region twice
 */
export function parseDrRegions(text: string): ReadonlyMap<string, readonly string[]> | undefined {
  const regions = new Map<string, string[]>()
  for (const pair of text.split(',')) {
    const [region = '', standIn = '', ...more] = pair.trim().split(':')
    if (more.length > 0 || region === standIn) return undefined
    const partition = partitionOf(region)
    if (partition === undefined || partitionOf(standIn) !== partition) return undefined
    const standIns = regions.get(region) ?? []
    if (standIns.includes(standIn)) return undefined
    regions.set(region, [...standIns, standIn])
  }
  return regions
}
