// keyhold settings …: settings that a tenant chooses for itself.
import { InvalidArgumentError } from 'commander'
import type { CommandGroup } from '../table/command-spec.ts'
import { required, type Input } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { tenantSettingsView } from '../views/tenant-settings.ts'

const theTtl: Input<number | null> = {
  ...required(
    '--key-cache-ttl <seconds>',
    'how long keys are used after the last successful call to their KMS; "default" for the TTL of the installation',
    checkTtl,
  ),
  // Null is the wire's word for the default. Commander would take a null from a parser for no value.
  read: (parsed) => (parsed === 'default' ? null : Number(parsed)),
}

export const settingsGroup: CommandGroup = {
  name: 'settings',
  about: 'Settings that the tenant chooses for itself.',
  commands: [
    plain({
      name: 'show',
      about: "Show the tenant's settings and their limits.",
      as: 'tenant-admin',
      route: 'getTenantSettings',
      view: tenantSettingsView,
    }),
    plain({
      name: 'set',
      about: "Change the tenant's settings, on all replicas at once.",
      as: 'tenant-admin',
      route: 'changeTenantSettings',
      body: {
        keyCacheTtlSeconds: theTtl,
      },
      view: tenantSettingsView,
    }),
  ],
}

function checkTtl(text: string): string {
  if (text === 'default' || /^[0-9]{1,4}$/.test(text)) return text
  throw new InvalidArgumentError('It must be a whole number of seconds, or "default".')
}
