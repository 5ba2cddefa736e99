// Regions that are down. One port plays all Regions, so the calls of a Region that is down, of KMS and STS alike, are
// cut off, left hanging or failed once their signature has shown the Region.
import { isRegion } from '../keys/kms-arn.ts'
import type { Fault, Faults } from './faults.ts'

export const outages = ['refused', 'hanging', 'failing'] as const

/** `refused`: the connection is cut; `hanging`: no answer, however long the client waits; `failing`: HTTP 500. */
export type Outage = (typeof outages)[number]

const faultKindOf: Readonly<Record<Outage, Fault['kind']>> = {
  refused: 'refuse',
  hanging: 'hang',
  failing: 'error500',
}

export interface Regions {
  /**
   * Replaces an outage that the Region has.
   *
   * @throws RangeError when it is no Region
   */
  takeDown(region: string, outage: Outage): void
  /** Calls that hang lose their connection. Answers whether the Region was down. */
  bringBack(region: string): boolean
  list(): { region: string; outage: Outage }[]
}

export function createRegions(faults: Faults): Regions {
  const down = new Map<string, { outage: Outage; removeFault: () => void }>()

  function bringBack(region: string): boolean {
    down.get(region)?.removeFault()
    return down.delete(region)
  }

  return {
    takeDown(region, outage) {
      if (!isRegion(region)) throw new RangeError(`expected a Region, got ${region}`)
      bringBack(region)
      down.set(region, { outage, removeFault: faults.add({ kind: faultKindOf[outage], match: { region } }) })
    },
    bringBack,
    list: () => [...down].map(([region, { outage }]) => ({ region, outage })),
  }
}
