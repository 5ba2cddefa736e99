// Regions that are down. One port plays them all, so that a Region which is down is one whose calls, of KMS and STS
// alike, are cut off, left hanging or failed, once the signature has told which Region they are for.
import { isRegion } from '../keys/kms-arn.ts'
import type { Fault, Faults } from './faults.ts'

export const OUTAGES = ['refused', 'hanging', 'failing'] as const

/** `refused`: the connection is cut; `hanging`: no answer, for as long as the client waits; `failing`: HTTP 500. */
export type Outage = (typeof OUTAGES)[number]

const KIND: Readonly<Record<Outage, Fault['kind']>> = {
  refused: 'refuse',
  hanging: 'hang',
  failing: 'error500',
}

export class Regions {
  readonly #faults: Faults
  readonly #down = new Map<string, { outage: Outage; bringBack: () => void }>()

  constructor(faults: Faults) {
    this.#faults = faults
  }

  /** @throws RangeError when it is no Region. */
  takeDown(region: string, outage: Outage): void {
    if (!isRegion(region)) throw new RangeError(`expected a Region, got ${region}`)
    this.bringBack(region)
    this.#down.set(region, { outage, bringBack: this.#faults.add({ kind: KIND[outage], match: { region } }) })
  }

  /** Calls that hang lose their connection. Answers whether it was down. */
  bringBack(region: string): boolean {
    this.#down.get(region)?.bringBack()
    return this.#down.delete(region)
  }

  list(): { region: string; outage: Outage }[] {
    return [...this.#down].map(([region, { outage }]) => ({ region, outage }))
  }
}
