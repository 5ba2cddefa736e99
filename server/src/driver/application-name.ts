// The names of Keyhold's connections. PostgreSQL shows them to everybody who is connected, so each replica shows its version.
import manifest from '../../package.json' with { type: 'json' }

/** The version of this Keyhold. */
export const keyholdVersion: string = manifest.version

/** @param use - what the connection is for; by default it is one of the pool */
export function applicationName(use?: string): string {
  return `keyhold/${keyholdVersion}${use === undefined ? '' : ` ${use}`}`
}

/**
 * The version of the Keyhold that has a connection of this name. Empty: one from before they showed it. Undefined: another
 * program.
 */
export function versionInName(name: string): string | undefined {
  const match = /^keyhold(?:\/(?<version>\S+))?(?: .*)?$/.exec(name)
  return match === null ? undefined : (match.groups?.version ?? '')
}
