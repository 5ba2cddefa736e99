// The account that Keyhold's own credentials belong to, as AWS STS tells. It is asked only when a refusal may be of that
// account, and not again for some seconds after it has failed to answer: refusals wait for it.
import { partitionOf } from '@keyhold/core'

const retryMs = 10_000

/**
 * @param findPrincipal - answers the ARN of Keyhold's own principal, which has another one in each partition
 * @param clock - monotonic milliseconds
 */
export function createOwnAccount(
  findPrincipal: (region: string) => Promise<string>,
  clock: () => number,
): (region: string) => Promise<string | undefined> {
  const retryAtMs = new Map<string, number>()
  return async (region) => {
    const partition = partitionOf(region) ?? ''
    if (clock() < (retryAtMs.get(partition) ?? Number.NEGATIVE_INFINITY)) return undefined
    try {
      const [, account] = /^arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):/.exec(await findPrincipal(region)) ?? []
      return account
    } catch {
      retryAtMs.set(partition, clock() + retryMs)
      return undefined
    }
  }
}
