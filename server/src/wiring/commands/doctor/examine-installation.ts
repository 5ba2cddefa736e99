// `keyhold-server doctor`: looks at everything that a start needs, and changes nothing. It works where the server cannot start.
import { createAwsKms } from '../../../kms/aws-kms.ts'
import { describeProblems } from '../described-settings.ts'
import { readSettings, type Settings } from '../../../settings/read-settings.ts'
import type { Environment } from '../../../settings/setting.ts'
import { awsOptions } from '../../open-kms.ts'
import { issuerCheck } from './issuer-check.ts'
import { fail, ok, runChecks, warn, type Check, type CheckResult } from './checks.ts'
import { databaseChecks } from './database-checks.ts'
import { keyChecks } from './key-checks.ts'
import { machineChecks, versionCheck } from './machine-checks.ts'
import { issuersCheck } from './issuers-check.ts'
import { tlsCheck } from './tls-check.ts'

export async function examineInstallation(environment: Environment): Promise<CheckResult[]> {
  const problems = describeProblems(environment)
  const settings: Settings | undefined = problems.length === 0 ? readSettings(environment) : undefined
  const settingsCheck: Check = {
    name: 'settings',
    look() {
      if (settings === undefined)
        return Promise.resolve(
          fail(problems.join(' '), 'correct them; "keyhold-server check-config" shows all settings'),
        )
      const { ignoredVariables } = settings
      return Promise.resolve(
        ignoredVariables.length === 0
          ? ok('they can be read')
          : warn(
              `ignored links of Kubernetes: ${ignoredVariables.join(', ')}`,
              'set enableServiceLinks to false in the pod',
            ),
      )
    },
  }
  const { checks, opened, close } = databaseChecks(settings)
  try {
    return await runChecks([
      versionCheck,
      settingsCheck,
      tlsCheck(settings),
      issuersCheck(settings),
      ...checks,
      ...keyChecks({ settings, opened, openAws: (known) => createAwsKms(awsOptions(known)) }),
      issuerCheck(settings, opened),
      ...machineChecks(settings),
    ])
  } finally {
    await close()
  }
}

/** For people: nothing in them is a secret, so that they can be pasted into a report. */
export function linesOf(results: readonly CheckResult[]): string[] {
  const width = Math.max(...results.map(({ name }) => name.length))
  return results.flatMap(({ status, name, seen, advice }) => [
    `${status.padEnd(4)}  ${name.padEnd(width)}  ${seen}`,
    ...(advice === undefined ? [] : [`${' '.repeat(width + 8)}→ ${advice}`]),
  ])
}
