// keyhold tenant-key …: the versions of the tenant key.
import { parseSeconds } from '../input/parse-seconds.ts'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { flag, option } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { keyJobView } from '../views/key-job.ts'
import { tenantKeyListView } from '../views/tenant-key.ts'
import { endedKeyJob } from '../wait/ended-key-job.ts'

const rotateCommand = command({
  name: 'rotate',
  about: 'Start the rotation to a new version under the same KEK.',
  inputs: {
    watch: flag('--watch', 'wait until it has ended, and show phase, rate and time left on standard error'),
    timeout: option('--timeout <seconds>', 'stop watching after this time; implies --watch', parseSeconds, {
      implies: { watch: true },
    }),
  },
  async run({ openSession }, { watch, timeout }) {
    const session = await openSession('tenant-admin')
    const started = await session.call('rotateTenantKey')
    session.print(watch ? await endedKeyJob(session, started.body.id, timeout) : started, keyJobView)
  },
})

export const tenantKeyGroup: CommandGroup = {
  name: 'tenant-key',
  about: 'Versions of the tenant key.',
  commands: [
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List all versions, the newest first.',
      as: 'tenant-admin',
      route: 'listTenantKeys',
      view: tenantKeyListView,
    }),
    rotateCommand,
  ],
}
