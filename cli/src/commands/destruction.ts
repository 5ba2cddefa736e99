// keyhold destruction …, and what schedules destructions: keyhold data-key destroy, keyhold tenant delete.
import type { Destruction } from '@keyhold/client'
import { InvalidArgumentError, type Command } from 'commander'
import { CliError } from '../errors/cli-error.ts'
import { confirm } from '../input/confirm.ts'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import { verifyReport } from '../signatures/verify-report.ts'
import { destructionListView, destructionView } from '../views/destruction.ts'

const inDaysOption = ['--in-days <days>', '7 to 30; until then it can be cancelled', parseInDays] as const
const yesOption = ['-y, --yes', 'do not ask'] as const
const operatorOption = ['--operator', 'of all tenants, with an operator token'] as const
// As many as a page has at most.
const pageLimit = '100'

interface ScheduleOptions {
  inDays: number
  yes?: true
}

export function addDestructionGroup(parent: Command): void {
  const group = parent
    .command('destruction')
    .description('Scheduled, cancelled and done destructions of data keys and tenants.')

  group
    .command('ls')
    .alias('list')
    .description('List them, the newest first.')
    .option(...operatorOption)
    .action(async ({ operator }: { operator?: true }, command: Command) => {
      const session = await openSession(command, operator ? 'operator' : 'tenant-admin')
      const destructions = await listAll(session, operator ? 'listAllDestructions' : 'listDestructions')
      const text = JSON.stringify({ destructions })
      printReply(session.mode, { body: { destructions }, text }, destructionListView)
    })

  group
    .command('show')
    .description('Show one, with the signed record of what was destroyed.')
    .argument('<id>', 'id of the destruction', parsePathSegment)
    .option(...operatorOption)
    .option('--verify', "check the record's signature with the server's keys")
    .action(
      async (id: string, { operator, verify }: { operator?: true; verify?: true }, command: Command) => {
        const session = await openSession(command, operator ? 'operator' : 'tenant-admin')
        const routeId = operator ? 'getAnyDestruction' : 'getDestruction'
        const reply = await session.call(routeId, { params: { destructionId: id } })
        if (verify) {
          const { jws, record } = reply.body
          if (jws === undefined || record === undefined)
            throw new CliError('failed', 'ERR_CLI_NO_RECORD', 'nothing is destroyed yet: there is no record')
          const { body: keys } = await session.call('listSigningKeys')
          const keyId = verifyReport({ jws, report: record }, keys)
          if (session.mode === 'text') say(`the signature is valid, of key ${keyId}`)
        }
        printReply(session.mode, reply, destructionView)
      },
    )
}

export function addDataKeyDestruction(group: Command): void {
  group
    .command('destroy')
    .description('Schedule the destruction of a data key, and with it of everything encrypted under it.')
    .argument('<name>', 'key name', parsePathSegment)
    .requiredOption(...inDaysOption)
    .option(...yesOption)
    .action(async (keyName: string, { inDays, yes }: ScheduleOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      if (!yes)
        await confirm(`in ${inDays} days, destroy data key ${keyName} and all that is encrypted under it?`)
      const reply = await session.call('destroyDataKey', { params: { keyName }, body: { inDays } })
      printReply(session.mode, reply, destructionView)
    })

  group
    .command('cancel-destruction')
    .description('Cancel the scheduled destruction of a data key.')
    .argument('<name>', 'key name', parsePathSegment)
    .action(async (keyName: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const scheduled = (await listAll(session, 'listDestructions')).find(
        (each) => each.keyName === keyName && each.state === 'scheduled',
      )
      if (scheduled === undefined) {
        throw new CliError('notFound', 'ERR_CLI_NOT_SCHEDULED', `no destruction of ${keyName} is scheduled`, {
          hint: 'keyhold destruction ls shows what was, and what became of it',
        })
      }
      const reply = await session.call('cancelDestruction', { params: { destructionId: scheduled.id } })
      printReply(session.mode, reply, destructionView)
    })
}

export function addTenantDeletion(group: Command): void {
  group
    .command('delete')
    .description('Schedule the deletion of a tenant, and with it of everything that it ever encrypted.')
    .argument('<id>', 'id of the tenant', parsePathSegment)
    .requiredOption(...inDaysOption)
    .option(...yesOption)
    .action(async (tenantId: string, { inDays, yes }: ScheduleOptions, command: Command) => {
      const session = await openSession(command, 'operator')
      if (!yes)
        await confirm(`in ${inDays} days, delete the tenant ${tenantId} and all that it ever encrypted?`)
      const reply = await session.call('scheduleTenantDeletion', { params: { tenantId }, body: { inDays } })
      printReply(session.mode, reply, destructionView)
    })

  group
    .command('cancel-deletion')
    .description('Cancel the scheduled deletion of a tenant.')
    .argument('<id>', 'id of the tenant', parsePathSegment)
    .action(async (tenantId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'operator')
      const reply = await session.call('cancelTenantDeletion', { params: { tenantId } })
      printReply(session.mode, reply, destructionView)
    })
}

async function listAll(
  { call }: Session,
  routeId: 'listDestructions' | 'listAllDestructions',
): Promise<Destruction[]> {
  const destructions: Destruction[] = []
  let before: string | undefined
  do {
    const { body } = await call(routeId, {
      query: { limit: pageLimit, ...(before !== undefined && { before }) },
    })
    destructions.push(...body.destructions)
    before = body.next
  } while (before !== undefined)
  return destructions
}

function parseInDays(text: string): number {
  const days = Number(text)
  if (!/^[0-9]{1,2}$/.test(text) || days < 7 || days > 30)
    throw new InvalidArgumentError('It must be a whole number from 7 to 30.')
  return days
}
