// keyhold whoami: what the server sees of the access token.
import { command } from '../../table/command-spec.ts'
import { flag } from '../../table/input.ts'
import { sessionView } from '../../views/console/session.ts'

export const whoamiCommand = command({
  name: 'whoami',
  about: 'Show whose token this is: its role, its tenant, what it may do, and when it ends.',
  inputs: { operator: flag('--operator', "the operator's token") },
  async run({ openSession }, { operator }) {
    const session = await openSession(operator ? 'operator' : 'tenant-admin')
    session.print(await session.call('getSession'), sessionView)
  },
})
