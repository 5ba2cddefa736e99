// A port in use is an error of the system, which does not know the setting that chose the port.
import type { Settings } from './read-settings.ts'

const variables = {
  port: 'KEYHOLD_PORT',
  healthPort: 'KEYHOLD_HEALTH_PORT',
  metricsPort: 'KEYHOLD_METRICS_PORT',
} as const

/** Adds to the message of such an error which setting to change; leaves others as they are. */
export function nameUsedPort(error: unknown, settings: Pick<Settings, keyof typeof variables>): void {
  if (!(error instanceof Error && 'port' in error && 'code' in error && error.code === 'EADDRINUSE')) return
  const chosen = (Object.keys(variables) as (keyof typeof variables)[])
    .filter((name) => settings[name] === error.port)
    .map((name) => variables[name])
  if (chosen.length > 0) error.message += `. Set ${chosen.join(' or ')} to a free port and start again.`
}
