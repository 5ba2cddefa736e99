// keyhold data-key …: the versions of a tenant's data keys.
import type { DataKeyInformation } from '@keyhold/client'
import { InvalidArgumentError, type Command } from 'commander'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { addDataKeyDestruction } from './destruction.ts'
import { dataKeyListView, dataKeyView } from '../views/data-key.ts'

const theName = ['<name>', 'key name', parsePathSegment] as const
// As many as a page has at most.
const pageLimit = '1000'

export function addDataKeyCommands(parent: Command): void {
  const group = parent.command('data-key').description("Versions of a tenant's data keys.")

  group
    .command('ls')
    .alias('list')
    .description('List the key names with their versions.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const dataKeys = await listAll(session)
      printReply(session.mode, { body: { dataKeys }, text: JSON.stringify({ dataKeys }) }, dataKeyListView)
    })

  group
    .command('rotate')
    .description('Make a new version, under which everything is encrypted from now on.')
    .argument(...theName)
    .action(async (keyName: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('rotateDataKey', { params: { keyName } })
      printReply(session.mode, reply, dataKeyView)
    })

  group
    .command('set-minimum-version')
    .description('Refuse to decrypt what is encrypted under older versions; it can be lowered again.')
    .argument(...theName)
    .argument('<version>', 'at most the active one; 1 allows all', parseVersion)
    .action(async (keyName: string, minimumVersion: number, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('setMinimumVersion', {
        params: { keyName },
        body: { minimumVersion },
      })
      printReply(session.mode, reply, dataKeyView)
    })

  addDataKeyDestruction(group)
}

async function listAll({ call }: Session): Promise<DataKeyInformation[]> {
  const dataKeys: DataKeyInformation[] = []
  let after: string | undefined
  do {
    const { body } = await call('listDataKeys', {
      query: { limit: pageLimit, ...(after !== undefined && { after }) },
    })
    dataKeys.push(...body.dataKeys)
    after = body.next
  } while (after !== undefined)
  return dataKeys
}

function parseVersion(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return Number(text)
}
