// The Regions that accounts have not enabled. AWS has Regions that every account must opt in to; here all accounts have
// all Regions, until a test takes one away.
import { isRegion } from '../keys/kms-arn.ts'

export interface OptOuts {
  /**
   * KMS and STS of the Region then do not know the account.
   *
   * @throws RangeError when it is no account or no Region
   */
  add(account: string, region: string): void
  /** Answers whether the account was without the Region. */
  delete(account: string, region: string): boolean
  has(account: string, region: string): boolean
}

export function createOptOuts(): OptOuts {
  const optOuts = new Set<string>()
  const nameOf = (account: string, region: string): string => `${account}/${region}`
  return {
    add(account, region) {
      if (!/^\d{12}$/.test(account)) throw new RangeError(`expected an account, got ${account}`)
      if (!isRegion(region)) throw new RangeError(`expected a Region, got ${region}`)
      optOuts.add(nameOf(account, region))
    },
    delete: (account, region) => optOuts.delete(nameOf(account, region)),
    has: (account, region) => optOuts.has(nameOf(account, region)),
  }
}
