// The settings in force, for operators: where each comes from, and all that is wrong with them. Secrets are not shown.
import { isKeyholdError } from '@keyhold/core'
import { loadIssuersFile } from '../../issuers/file/reloaded-issuers.ts'
import { shown } from '../../driver/shown-text.ts'
import { checkVariables, isServiceLink } from '../../settings/known-variables.ts'
import { namesOfVariables, readSettings } from '../../settings/read-settings.ts'
import { textOf, type Environment } from '../../settings/setting.ts'
import { settingTable } from '../../settings/setting-table.ts'

export interface DescribedSetting {
  name: string
  /** In the form of its variable; `hidden` for a secret. */
  value: string
  source: 'environment' | 'file' | 'default'
}

export function describeSettings(given: Environment): DescribedSetting[] {
  const environment = Object.fromEntries(
    Object.entries(given).filter(([name, value = '']) => !isServiceLink(name, value)),
  )
  return Object.values(settingTable)
    .filter(({ variable }) => variable !== '')
    .map((setting) => {
      const isSecret = 'fileVariable' in setting
      const name = usedName(environment, setting.variable)
      const text = textOf(environment, name)
      if (text !== undefined)
        return { name, value: isSecret ? 'hidden' : withoutPassword(shown(text)), source: 'environment' }
      const file = 'fileOf' in setting ? setting.fileOf(environment) : undefined
      if (file !== undefined)
        return { name, value: isSecret ? `hidden, in ${shown(file)}` : shown(file), source: 'file' }
      return { name, value: plain(setting.byDefault), source: 'default' }
    })
}

/** Two variables are those of other programs, too, which have them in lower case. */
function usedName(environment: Environment, variable: string): string {
  const lower = variable.toLowerCase()
  return !variable.startsWith('KEYHOLD_') && textOf(environment, lower) !== undefined ? lower : variable
}

/** A sentence for each thing that is wrong; it never shows a value. */
export function describeProblems(environment: Environment): string[] {
  const problems: string[] = []
  const attempt = (read: () => unknown): void => {
    try {
      read()
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      if (!problems.includes(error.message)) problems.push(error.message)
    }
  }
  let known = environment
  attempt(() => (known = checkVariables(environment, namesOfVariables).environment))
  for (const setting of Object.values(settingTable)) attempt(() => setting.read(known))
  // Rules about several settings. It stops at the first problem, which is then known already.
  if (problems.length === 0) attempt(() => readSettings(environment))
  return problems
}

/** The same of files with rules of their own, once the settings are right. */
export async function describeFileProblems(environment: Environment): Promise<string[]> {
  try {
    const { issuersFile } = readSettings(environment)
    if (issuersFile !== undefined) await loadIssuersFile(issuersFile)
    return []
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    return [error.message]
  }
}

/** A URL may hold one, whatever it is of. */
function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, '//hidden@')
}

/** The column of the table in Markdown, as text. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '').replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
}
