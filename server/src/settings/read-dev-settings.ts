// The settings of `keyhold-server dev`: those of the server, and what only somebody who tries Keyhold has.
import { KeyholdError } from '@keyhold/core'
import { readSettings, type Settings } from './read-settings.ts'
import type { Environment } from './setting.ts'

/** Names of keys that `dev.env` passes on to the shell of whoever tries Keyhold. */
export type OwnKeys = Partial<Record<'KMS_KEY_ARN' | 'KMS_KEY_ARN_2', string>>

export interface DevSettings {
  settings: Settings
  /** Whether the environment says which KMS is used. If not, there is a local KMS. */
  hasOwnKms: boolean
  /** With a KMS of the user's own, the keys are the user's too. */
  ownKeys: OwnKeys
}

/** @throws KeyholdError `ERR_CONFIG_INVALID`, also where the environment says that this is production */
export function readDevSettings(environment: Environment): DevSettings {
  if (environment.NODE_ENV === 'production') {
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message:
        '"keyhold-server dev" makes a demo tenant and writes its tokens to a file, but NODE_ENV is "production": run "keyhold-server serve", or unset NODE_ENV.',
    })
  }
  const { KMS_KEY_ARN: first, KMS_KEY_ARN_2: second } = environment
  return {
    settings: { ...readSettings(environment), mayCreateRootKey: true },
    hasOwnKms: (environment.KEYHOLD_KMS_ENDPOINT ?? '').trim() !== '',
    ownKeys: {
      ...(first !== undefined && { KMS_KEY_ARN: first }),
      ...(second !== undefined && { KMS_KEY_ARN_2: second }),
    },
  }
}
