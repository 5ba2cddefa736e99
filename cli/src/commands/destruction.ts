// keyhold destruction …: destructions of data keys and deletions of tenants, in every state.
import { CliError } from '../errors/cli-error.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { wholeNumber } from '../input/whole-number.ts'
import { collectPages } from '../session/all-pages.ts'
import { verifySignature } from '../signatures/verify-signature.ts'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { argument, flag, required } from '../table/input.ts'
import { destructionListView, destructionView } from '../views/destruction.ts'

/** When a destruction is due. */
export const inDays = required(
  '--in-days <days>',
  '7 to 30; until then it can be cancelled',
  wholeNumber(7, 30),
)

const ofAll = flag('--operator', 'of all tenants, with an operator token')

const listCommand = command({
  name: 'ls',
  alias: 'list',
  about: 'List them, the newest first.',
  inputs: { ofAll },
  async run({ openSession }, values) {
    const session = await openSession(values.ofAll ? 'operator' : 'tenant-admin')
    const routeId = values.ofAll ? 'listAllDestructions' : 'listDestructions'
    session.printBody(await collectPages(session, routeId), destructionListView)
  },
})

const showCommand = command({
  name: 'show',
  about: 'Show one, with the signed record of what was destroyed.',
  inputs: {
    destructionId: argument('<id>', 'id of the destruction', parsePathSegment),
    ofAll,
    verify: flag('--verify', "verify the record's signature with the server's keys"),
  },
  async run({ openSession }, { destructionId, verify, ...values }) {
    const session = await openSession(values.ofAll ? 'operator' : 'tenant-admin')
    const routeId = values.ofAll ? 'getAnyDestruction' : 'getDestruction'
    const reply = await session.call(routeId, { params: { destructionId } })
    const { jws, record } = reply.body
    if (verify) {
      if (jws === undefined || record === undefined)
        throw new CliError('failed', 'ERR_CLI_NO_RECORD', 'nothing is destroyed yet: there is no record')
      await verifySignature(session, { jws, content: record })
    }
    session.print(reply, destructionView)
  },
})

export const destructionGroup: CommandGroup = {
  name: 'destruction',
  about: 'Destructions of data keys and deletions of tenants: scheduled, cancelled and done.',
  commands: [listCommand, showCommand],
}
