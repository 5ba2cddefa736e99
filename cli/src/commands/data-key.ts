// keyhold data-key …: the versions of a tenant's data keys, and the destruction of one.
import { CliError } from '../errors/cli-error.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { wholeNumber } from '../input/whole-number.ts'
import { collectPages } from '../session/all-pages.ts'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { argument } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { dataKeyListView, dataKeyView } from '../views/data-key.ts'
import { destructionView } from '../views/destruction.ts'
import { inDays } from './destruction.ts'

const theName = argument('<name>', 'key name', parsePathSegment)
const as = 'tenant-admin'

const cancelDestructionCommand = command({
  name: 'cancel-destruction',
  about: 'Cancel the scheduled destruction of a data key.',
  inputs: { keyName: theName },
  async run({ openSession }, { keyName }) {
    const session = await openSession(as)
    const { destructions } = await collectPages(session, 'listDestructions')
    const scheduled = destructions.find((each) => each.keyName === keyName && each.state === 'scheduled')
    if (scheduled === undefined) {
      throw new CliError('notFound', 'ERR_CLI_NOT_SCHEDULED', `no destruction of ${keyName} is scheduled`, {
        hint: 'keyhold destruction ls shows the destructions and what became of them',
      })
    }
    const params = { destructionId: scheduled.id }
    session.print(await session.call('cancelDestruction', { params }), destructionView)
  },
})

export const dataKeyGroup: CommandGroup = {
  name: 'data-key',
  about: "Versions of a tenant's data keys.",
  commands: [
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List the key names with their versions.',
      as,
      route: 'listDataKeys',
      view: dataKeyListView,
    }),
    plain({
      name: 'rotate',
      about: 'Make a new version, under which everything is encrypted from now on.',
      as,
      route: 'rotateDataKey',
      path: { keyName: theName },
      view: dataKeyView,
    }),
    plain({
      name: 'set-minimum-version',
      about: 'Refuse to decrypt what older versions have encrypted; the minimum can be lowered again.',
      as,
      route: 'setMinimumVersion',
      path: { keyName: theName },
      body: { minimumVersion: argument('<version>', 'at most the active one; 1 allows all', wholeNumber(1)) },
      view: dataKeyView,
    }),
    plain({
      name: 'destroy',
      about: 'Schedule the destruction of a data key, and with it of everything encrypted under it.',
      as,
      route: 'destroyDataKey',
      path: { keyName: theName },
      body: { inDays },
      question: (values) =>
        `in ${String(values.inDays)} days, destroy data key ${String(values.keyName)} and all that is encrypted under it?`,
      view: destructionView,
    }),
    cancelDestructionCommand,
  ],
}
