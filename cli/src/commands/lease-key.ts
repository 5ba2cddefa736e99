// keyhold lease-key …: the data key under which a tenant's programs encrypt locally.
import type { CommandGroup } from '../table/command-spec.ts'
import { plain } from '../table/plain-command.ts'
import { leaseKeyListView, leaseKeyView } from '../views/lease-key.ts'

const as = 'tenant-admin'

export const leaseKeyGroup: CommandGroup = {
  name: 'lease-key',
  about: 'The data key of programs that encrypt locally.',
  commands: [
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List its versions, the newest first.',
      as,
      route: 'listLeaseKeys',
      view: leaseKeyListView,
    }),
    plain({
      name: 'end',
      about: 'Make a new version, under which programs go on when their leases end; the old one decrypts.',
      as,
      route: 'endLeaseKey',
      view: leaseKeyView,
    }),
  ],
}
