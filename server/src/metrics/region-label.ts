// The label of a region. Customers name regions, also such as do not exist, and a label must not have any number of
// values: a region that is in no list is `other` until it has answered.
import { awsRegions } from '@keyhold/core'

const maxUnlisted = 50

/** Answers the label for a call in `region`. */
export type RegionLabel = (region: string, hasAnswered: boolean) => string

export function createRegionLabel(): RegionLabel {
  const answered = new Set<string>()
  return (region, hasAnswered) => {
    if (awsRegions.has(region) || answered.has(region)) return region
    if (!hasAnswered || answered.size >= maxUnlisted) return 'other'
    answered.add(region)
    return region
  }
}
