// The only reader of the server's environment. Variables that are not in the table are not read: the command line and
// `npm start` have some of their own.
import { awsCredentialFiles } from './aws-credential-files.ts'
import { invalidSetting, type Environment } from './setting.ts'
import { settingTable } from './setting-table.ts'

type SettingTable = typeof settingTable

export type Settings = { readonly [Name in keyof SettingTable]: ReturnType<SettingTable[Name]['read']> } & {
  /** The files from which the AWS SDK reads credentials. */
  readonly awsCredentialFiles: readonly string[]
}

/**
 * Reads the settings.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`, which names the variable and what is allowed, never the value
 */
export function readSettings(environment: Environment = process.env): Settings {
  const read = Object.entries(settingTable).map(
    ([name, setting]) => [name, setting.read(environment)] as const,
  )
  const settings = {
    ...Object.fromEntries(read),
    awsCredentialFiles: awsCredentialFiles(environment),
  } as unknown as Settings
  const { kmsAccessKeyId, kmsSecretAccessKey } = settings
  if ((kmsAccessKeyId === undefined) !== (kmsSecretAccessKey === undefined)) {
    throw invalidSetting(
      settingTable.kmsAccessKeyId.variable,
      `${settingTable.kmsSecretAccessKey.variable} beside it, or neither`,
    )
  }
  return settings
}
