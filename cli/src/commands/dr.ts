// keyhold dr …: drills for the loss of a region, and what came of them.
import type { DrDrill } from '@keyhold/client'
import type { Command } from 'commander'
import { CliError } from '../errors/cli-error.ts'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import { verifyReport } from '../signatures/verify-report.ts'
import { drDrillListView, drDrillView } from '../views/dr-drill.ts'

interface DrillOptions {
  tenant?: string
  all?: true
  region?: string
  verify?: true
}

const ofTenant = ['--tenant <id>', 'of this tenant, with an operator token', parsePathSegment] as const
const verifyOption = ['--verify', 'check the signature of the report'] as const

export function addDrGroup(parent: Command): void {
  const group = parent.command('dr').description('Disaster recovery: drills for the loss of a region.')

  group
    .command('drill')
    .description('Open every tenant key as if its own region were away. Traffic does not notice.')
    .option(...ofTenant)
    .option('--all', 'of all tenants, one after the other, with an operator token')
    .option('--region <region>', 'only keys whose own region this is')
    .option(...verifyOption)
    .action(async ({ tenant, all, region, verify }: DrillOptions, command: Command) => {
      if (all && tenant !== undefined) command.error('error: --all takes the place of --tenant')
      const session = await openSession(command, all || tenant !== undefined ? 'operator' : 'tenant-admin')
      const body = region === undefined ? {} : { region }
      if (all) {
        await drillAll(session, body)
        return
      }
      const reply =
        tenant === undefined
          ? await session.callOnce('runDrDrill', { body })
          : await session.callOnce('runDrDrillOfTenant', { params: { tenantId: tenant }, body })
      printReply(session.mode, reply, drDrillView)
      if (verify) await checkSignature(session, reply.body)
      if (!reply.body.report.passed) throw failed([reply.body])
    })

  group
    .command('report')
    .description('Show the report of the last drill.')
    .option(...ofTenant)
    .option(...verifyOption)
    .action(async ({ tenant, verify }: DrillOptions, command: Command) => {
      const session = await openSession(command, tenant === undefined ? 'tenant-admin' : 'operator')
      const reply =
        tenant === undefined
          ? await session.call('getDrDrill')
          : await session.call('getDrDrillOfTenant', { params: { tenantId: tenant } })
      printReply(session.mode, reply, drDrillView)
      if (verify) await checkSignature(session, reply.body)
    })
}

async function drillAll({ call, callOnce, mode }: Session, body: { region?: string }): Promise<void> {
  const { body: tenants } = await call('listTenants')
  const drills: DrDrill[] = []
  for (const { id: tenantId } of tenants)
    drills.push((await callOnce('runDrDrillOfTenant', { params: { tenantId }, body })).body)
  printReply(mode, { body: drills, text: JSON.stringify(drills) }, drDrillListView)
  if (drills.some(({ report }) => !report.passed)) throw failed(drills)
}

async function checkSignature({ call, mode }: Session, drill: DrDrill): Promise<void> {
  if (mode === 'text')
    say(`the signature is valid, of key ${verifyReport(drill, (await call('listSigningKeys')).body)}`)
}

function failed(drills: DrDrill[]): CliError {
  const count = drills.filter(({ report }) => !report.passed).length
  return new CliError('failed', 'ERR_CLI_DRILL_FAILED', `${count} of ${drills.length} drills failed`, {
    hint: 'what is to be done stands in the report',
    isPrinted: true,
  })
}
