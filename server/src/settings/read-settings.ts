// The only reader of the server's environment.
import { awsCredentialFiles } from './aws-credential-files.ts'
import { checkVariables } from './known-variables.ts'
import { invalidSetting, type Environment } from './setting.ts'
import type { ReplicaPart } from './replica-part.ts'
import { settingTable } from './setting-table.ts'

type SettingTable = typeof settingTable

export type Settings = { readonly [Name in keyof SettingTable]: ReturnType<SettingTable[Name]['read']> } & {
  /** Whether a server on a new database makes a root key where there is none: that of "keyhold-server dev" does. */
  readonly mayCreateRootKey: boolean
  /** The files from which the AWS SDK reads credentials. */
  readonly awsCredentialFiles: readonly string[]
  /** Variables that look like settings and are links of Kubernetes. */
  readonly ignoredVariables: readonly string[]
  /** Undefined: the process is a server of its own. */
  readonly replica?: ReplicaPart
}

/** The variables of all settings. */
export const namesOfVariables: readonly string[] = Object.values(settingTable).flatMap((setting) => [
  setting.variable,
  ...('fileVariable' in setting ? [setting.fileVariable] : []),
])

export function processEnvironment(): Environment {
  return process.env
}

/**
 * Reads the settings.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`, which names the variable and what is allowed, never the value; also for names
 * that begin with KEYHOLD_ and belong to nobody
 */
export function readSettings(given: Environment = processEnvironment()): Settings {
  const { environment, ignored } = checkVariables(given, namesOfVariables)
  const read = Object.entries(settingTable).map(
    ([name, setting]) => [name, setting.read(environment)] as const,
  )
  const settings = {
    ...Object.fromEntries(read),
    mayCreateRootKey: false,
    awsCredentialFiles: awsCredentialFiles(environment),
    ignoredVariables: ignored,
  } as unknown as Settings
  checkPair(settings, 'kmsAccessKeyId', 'kmsSecretAccessKey')
  checkPair(settings, 'tlsCertificateFile', 'tlsKeyFile')
  checkNeeds(settings, 'tlsClientCaFile', 'tlsCertificateFile')
  checkNeeds(settings, 'tlsClientCrlFile', 'tlsClientCaFile')
  checkNeeds(settings, 'tlsClientCertificates', 'tlsClientCaFile')
  // Node would verify neither the database nor a KMS, and nothing here could tell.
  if (environment[nodeTrustsAll] === '0') throw invalidSetting(nodeTrustsAll, 'not to be 0')
  return settings
}

const nodeTrustsAll = 'NODE_TLS_REJECT_UNAUTHORIZED'

function checkPair(settings: Settings, one: keyof SettingTable, other: keyof SettingTable): void {
  if ((settings[one] === undefined) === (settings[other] === undefined)) return
  throw invalidSetting(settingTable[one].variable, `${settingTable[other].variable} beside it, or neither`)
}

function checkNeeds(settings: Settings, one: keyof SettingTable, needed: keyof SettingTable): void {
  if (settings[one] === undefined || settings[needed] !== undefined) return
  throw invalidSetting(settingTable[one].variable, `${settingTable[needed].variable} beside it`)
}
