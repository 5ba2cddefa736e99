// Settings that are secrets. Their values may be in a file, which neither the list of processes nor a crash report shows: one
// that a variable names, or a credential of systemd.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { readSecretFile } from './read-secret-file.ts'
import { invalidSetting, isSet, textOf, type Environment, type Setting } from './setting.ts'

/** The folder of systemd's credentials (systemd.exec(5), LoadCredential). */
const credentialsVariable = 'CREDENTIALS_DIRECTORY'

/** A setting whose value may be in a file. */
export interface InFile {
  /** The file, where the environment names one or systemd has a credential. */
  fileOf(environment: Environment): string | undefined
}

export interface NamedFile extends InFile {
  /** The variable that names a file with the value. */
  readonly fileVariable: string
}

/**
 * The setting, whose value may also be in the file that another variable names, or in the credential of systemd that has the
 * name of the setting's own variable.
 */
export function secret<Plain extends Setting<unknown>>(
  plain: Plain,
  fileVariable: string,
): Plain & NamedFile {
  const { variable } = plain
  const fileOf = (environment: Environment) =>
    // Without the line ends that a file of variables may have.
    textOf(environment, fileVariable) ?? credentialFile(environment, variable)
  return {
    ...plain,
    fileVariable,
    fileOf,
    read(environment: Environment) {
      const isNamed = isSet(environment, fileVariable)
      if (isSet(environment, variable)) {
        if (isNamed) throw invalidSetting(variable, `no ${fileVariable} beside it`)
        return plain.read(environment)
      }
      const file = fileOf(environment)
      if (file === undefined) return plain.read(environment)
      const whose = isNamed ? fileVariable : `the credential ${variable}`
      return plain.read({ ...environment, [variable]: readSecretFile(file, whose) })
    },
  }
}

/** A file whose place is a setting; by default it is the credential of systemd of this name, if there is one. */
export function orCredential<Plain extends Setting<string | undefined>>(
  plain: Plain,
  name: string,
): Plain & InFile {
  return {
    ...plain,
    fileOf: (environment: Environment) => credentialFile(environment, name),
    read: (environment: Environment) => plain.read(environment) ?? credentialFile(environment, name),
  }
}

function credentialFile(environment: Environment, name: string): string | undefined {
  const folder = environment[credentialsVariable] ?? ''
  if (folder === '') return undefined
  const file = path.join(folder, name)
  return existsSync(file) ? file : undefined
}
