// The account that Keyhold's own credentials belong to, as AWS STS tells. It is asked only when a refusal may be of that
// account, and not in the same region again for some seconds after it has failed to answer: refusals wait for it.

const retryMs = 10_000
// Tenants name regions that do not exist.
const maxRegions = 1_000

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
    if (clock() < (retryAtMs.get(region) ?? Number.NEGATIVE_INFINITY)) return undefined
    try {
      const [, account] = /^arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):/.exec(await findPrincipal(region)) ?? []
      return account
    } catch {
      if (retryAtMs.size >= maxRegions) retryAtMs.clear()
      retryAtMs.set(region, clock() + retryMs)
      return undefined
    }
  }
}
