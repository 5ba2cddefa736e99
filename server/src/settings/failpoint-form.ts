// The form of KEYHOLD_FAILPOINTS. It is apart from the others, since the packages do not have it.
import { isKeyholdError } from '@keyhold/core'
import { armFailpoints, parseFailpoints, type ArmFailpoints } from '../migration/engine/failpoint.ts'
import type { Form } from './setting.ts'

export const failpointForm: Form<ArmFailpoints> = {
  range: '`name=kill`, `name=throw`, `name=cut`, `name=delay:ms`, each with `@N`',
  expects: 'known failpoints as name=action[@hit], separated by commas',
  parse(text) {
    try {
      const armed = parseFailpoints(text)
      return (actions) => armFailpoints(armed, actions)
    } catch (error) {
      if (!isKeyholdError(error, 'ERR_CONFIG_INVALID')) throw error
      return undefined
    }
  },
}
