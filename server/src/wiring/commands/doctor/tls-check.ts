// The check of TLS of the listeners: as a start looks at it.
import type { Settings } from '../../../settings/read-settings.ts'
import { machineNow } from '../../../tls/machine-now.ts'
import { lookAtListenerTls } from '../../listeners/open-listener-tls.ts'
import { ok, warn, type Check } from './checks.ts'

/** @param settings - undefined where they are wrong */
export function tlsCheck(settings: Settings | undefined): Check {
  return {
    name: 'tls',
    async look() {
      if (settings === undefined) return undefined
      const ends = await lookAtListenerTls(settings)
      if (ends === undefined) return ok('none: plain HTTP on loopback, or where a setting allows it')
      const each = Object.entries(ends)
      const seen = each.map(([file, { endsAtMs }]) => `${file} until ${new Date(endsAtMs).toISOString()}`)
      return each.some(([, { warnsAtMs }]) => machineNow() >= warnsAtMs)
        ? warn(seen.join(', '), 'put new files in the place of those that end soon, or have ended')
        : ok(seen.join(', '))
    },
  }
}
