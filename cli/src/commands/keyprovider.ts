// keyhold keyprovider …: a tenant's key providers, with the names and flags of the original's command line.
import { parsePathSegment } from '../input/parse-path-segment.ts'
import type { CommandGroup } from '../table/command-spec.ts'
import { argument } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { keyHealthView } from '../views/key-health.ts'
import { keyProviderListView, keyProviderView } from '../views/key-provider.ts'
import { keyProviderUsageView } from '../views/key-use.ts'
import { messageView } from '../views/message.ts'
import { migrationView } from '../views/migration.ts'
import { createCommand, patchCommand } from './keyprovider-bodies.ts'
import { checkCommand, policyCommand } from './keyprovider-key.ts'
import { migrateCommand, resetCommand } from './keyprovider-migration.ts'

const theProvider = argument(
  '<fingerprint>',
  'its fingerprint, at least four characters of the beginning, or its name',
  parsePathSegment,
)
const as = 'tenant-admin'

export const keyproviderGroup: CommandGroup = {
  name: 'keyprovider',
  about: "A tenant's key providers and migrations.",
  commands: [
    createCommand,
    plain({
      name: 'ls',
      about: 'List the registered key providers.',
      as,
      route: 'listKeyProviders',
      view: keyProviderListView,
    }),
    plain({
      name: 'list',
      about: 'List all key providers, the default one too.',
      as,
      route: 'listAllKeyProviders',
      view: keyProviderListView,
    }),
    plain({
      name: 'get',
      about: 'Show one key provider.',
      as,
      route: 'getKeyProvider',
      path: { arnFingerPrint: theProvider },
      view: keyProviderView,
    }),
    patchCommand(theProvider),
    plain({
      name: 'test',
      about: 'Try the key again, in every region.',
      as,
      route: 'testKeyProvider',
      path: { arnFingerPrint: theProvider },
      view: keyProviderView,
    }),
    plain({
      name: 'health',
      about: 'Show what AWS KMS answers about the key in every region, and what can be done about it.',
      as,
      route: 'getKeyProviderHealth',
      path: { arnFingerPrint: theProvider },
      view: keyHealthView,
    }),
    checkCommand,
    policyCommand,
    migrateCommand(theProvider),
    plain({
      name: 'usage',
      about: 'Show what still depends on the key, and since when it is safe to delete in its KMS.',
      as,
      route: 'getKeyProviderUsage',
      path: { arnFingerPrint: theProvider },
      view: keyProviderUsageView,
    }),
    plain({
      name: 'migration-details',
      about: 'Show the running migration, or else the last completed one.',
      as,
      route: 'getMigrationDetails',
      view: migrationView,
    }),
    resetCommand,
    plain({
      name: 'rm',
      about: 'Delete a key provider that nothing uses.',
      as,
      route: 'deleteKeyProvider',
      path: { arnFingerPrint: theProvider },
      view: messageView,
    }),
  ],
}
