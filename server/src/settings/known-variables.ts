// Looks through the names of all variables that begin with KEYHOLD_. One that nobody reads is a mistake, most often in
// writing: the setting that was meant would silently have its default, and a database of its own at worst.
import { distance } from 'fastest-levenshtein'
import { KeyholdError } from '@keyhold/core'
import type { Environment } from './setting.ts'

const prefix = 'KEYHOLD_'

// Read by `keyhold`, or written into dev.env by `npm start` for the shell of somebody who tries Keyhold.
const ofOtherPrograms = new Set([
  'KEYHOLD_URL',
  'KEYHOLD_CONTEXT',
  'KEYHOLD_TOKEN',
  'KEYHOLD_SERVICE_TOKEN',
  'KEYHOLD_OPERATOR_TOKEN',
  'KEYHOLD_TENANT_ID',
])
// Of Keyhold's own tests.
const ofTests = /^KEYHOLD_(TEST_|VECTORS$)/

// Kubernetes gives each container the addresses of the services in its namespace (the documentation of Service, section
// "Environment variables"). Those of a service named keyhold, or keyhold-metrics, look like settings.
const serviceLink = /^KEYHOLD(_[A-Z0-9_]+)?_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/
const portLink = /^KEYHOLD(_[A-Z0-9_]+)?_PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/
const linkValue = /^(tcp|udp|sctp):\/\//

/** Whether Kubernetes has set the variable for a service of this name. */
export function isServiceLink(name: string, value: string): boolean {
  if (serviceLink.test(name)) return true
  return portLink.test(name) && (linkValue.test(value) || /_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$/.test(name))
}

export interface KnownVariables {
  /** Without the links. */
  environment: Environment
  /** Names of links that Kubernetes has set, in order. */
  ignored: string[]
}

/**
 * Takes the links of Kubernetes out of the environment, and refuses names that nobody reads. An empty variable is not set.
 *
 * @param names - those of the settings
 * @throws KeyholdError `ERR_CONFIG_INVALID`, which names the variables and the settings that were probably meant
 */
export function checkVariables(environment: Environment, names: readonly string[]): KnownVariables {
  const known = new Set(names)
  const ignored: string[] = []
  const unknown: string[] = []
  for (const name of Object.keys(environment).sort()) {
    const value = environment[name] ?? ''
    if (!name.startsWith(prefix) || value === '') continue
    if (isServiceLink(name, value)) ignored.push(name)
    else if (!known.has(name) && !ofOtherPrograms.has(name) && !ofTests.test(name)) unknown.push(name)
  }
  if (unknown.length > 0) throw new KeyholdError('ERR_CONFIG_INVALID', { message: refusal(unknown, names) })
  const without = Object.fromEntries(Object.entries(environment).filter(([name]) => !ignored.includes(name)))
  return { environment: without, ignored }
}

// Two names are near if a fifth of their letters differ.
const nearPart = 5

function refusal(unknown: readonly string[], names: readonly string[]): string {
  const sentences = unknown.map((name) => {
    const [nearest] = names
      .map((each) => ({ each, letters: distance(name, each) }))
      .sort((a, b) => a.letters - b.letters)
    const isNear = nearest !== undefined && nearest.letters * nearPart <= name.length
    return `There is no setting ${name}${isNear ? `: did you mean ${nearest.each}?` : '.'}`
  })
  return `${sentences.join(' ')} Correct or remove it; docs/configuration.md lists all settings.`
}
