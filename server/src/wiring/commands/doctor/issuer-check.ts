// The check of the issuer: whether clouds of customers can fetch its public pages.
import type { Settings } from '../../../settings/read-settings.ts'
import { fail, ok, type Check } from './checks.ts'
import { checkIssuer } from '../issuer-commands.ts'

/**
 * @param settings - undefined where they are wrong
 * @param opened - undefined: the database cannot be reached, which another check says
 */
export function issuerCheck(
  settings: Settings | undefined,
  opened: () => unknown,
  check = checkIssuer,
): Check {
  return {
    name: 'issuer',
    async look() {
      if (settings?.issuerUrl === undefined || opened() === undefined) return undefined
      const problems = await check(settings)
      return problems.length === 0
        ? ok(`the public pages of ${settings.issuerUrl} are as they must be`)
        : fail(
            problems.join(' '),
            `serve the two pages under ${settings.issuerUrl}; "keyhold-server issuer export DIR" writes them as files`,
          )
    },
  }
}
