// The check of the file of issuers, as a start looks at it, and of the places of their keys.
import { loadIssuersFile } from '../../../issuers/file/reloaded-issuers.ts'
import { createReadKeys } from '../../../issuers/keys/read-keys.ts'
import type { Settings } from '../../../settings/read-settings.ts'
import { operatorFetch } from '../../issuers/operator-fetch.ts'
import { ok, warn, type Check } from './checks.ts'

/** @param settings - undefined where they are wrong */
export function issuersCheck(settings: Settings | undefined): Check {
  return {
    name: 'issuers',
    async look() {
      if (settings?.issuersFile === undefined) return undefined
      const { issuers, certificates } = await loadIssuersFile(settings.issuersFile)
      const fetch = operatorFetch(settings)
      const outcomes = await Promise.allSettled(issuers.map((issuer) => createReadKeys(issuer, fetch)()))
      const without = issuers
        .filter((_, index) => outcomes[index]?.status === 'rejected')
        .map(({ name }) => name)
      const seen = `${issuers.length} issuers, ${certificates.length} mappings of certificates`
      if (without.length === 0) return ok(seen)
      return warn(
        `${seen}; no keys of ${without.join(', ')}`,
        'make their addresses or files reachable: KEYHOLD_PRIVATE_HOSTS lists hosts of your own network. "keyhold-server jwt explain" says more',
      )
    },
  }
}
