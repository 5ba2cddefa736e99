// keyhold dr …: drills for the loss of a region, and their reports.
import type { DrDrill } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { collectPages } from '../session/all-pages.ts'
import type { Session } from '../session/open-session.ts'
import { verifySignature } from '../signatures/verify-signature.ts'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { flag, option } from '../table/input.ts'
import { drDrillHistoryView, drDrillListView, drDrillView } from '../views/dr-drill.ts'

const tenant = option('--tenant <id>', 'of this tenant, with an operator token', parsePathSegment)
const verify = flag('--verify', 'verify the signature of the report')

const drillCommand = command({
  name: 'drill',
  about: 'Open every tenant key as if its own region were away. Traffic does not notice.',
  inputs: {
    tenant,
    all: flag('--all', 'of all tenants, one after the other, with an operator token'),
    region: option('--region <region>', 'only keys whose own region this is'),
    verify,
  },
  async run({ refuse, openSession }, { tenant: tenantId, all, region, verify: isVerified }) {
    if (all && tenantId !== undefined) refuse('--all takes the place of --tenant')
    const session = await openSession(all || tenantId !== undefined ? 'operator' : 'tenant-admin')
    const body = region === undefined ? {} : { region }
    if (all) {
      await drillAll(session, body, isVerified)
      return
    }
    const reply =
      tenantId === undefined
        ? await session.call('runDrDrill', { body })
        : await session.call('runDrDrillOfTenant', { params: { tenantId }, body })
    if (isVerified) await verifyReport(session, reply.body)
    session.print(reply, drDrillView)
    refuseFailed([reply.body])
  },
})

const reportCommand = command({
  name: 'report',
  about: 'Show the report of the last drill.',
  inputs: { tenant, verify },
  async run({ openSession }, { tenant: tenantId, verify: isVerified }) {
    const session = await openSession(tenantId === undefined ? 'tenant-admin' : 'operator')
    const reply =
      tenantId === undefined
        ? await session.call('getDrDrill')
        : await session.call('getDrDrillOfTenant', { params: { tenantId } })
    if (isVerified) await verifyReport(session, reply.body)
    session.print(reply, drDrillView)
  },
})

const historyCommand = command({
  name: 'history',
  about: 'List the drills that were run, the newest first.',
  inputs: { tenant },
  async run({ openSession }, { tenant: tenantId }) {
    const session = await openSession(tenantId === undefined ? 'tenant-admin' : 'operator')
    const page =
      tenantId === undefined
        ? await collectPages(session, 'listDrDrills')
        : await collectPages(session, 'listDrDrillsOfTenant', { params: { tenantId } })
    session.printBody(page, drDrillHistoryView)
  },
})

async function drillAll(session: Session, body: { region?: string }, isVerified: boolean): Promise<void> {
  const { tenants } = await collectPages(session, 'listTenants')
  const drills: DrDrill[] = []
  for (const { id: tenantId } of tenants) {
    const { body: drill } = await session.call('runDrDrillOfTenant', { params: { tenantId }, body })
    if (isVerified) await verifyReport(session, drill)
    drills.push(drill)
  }
  session.printBody(drills, drDrillListView)
  refuseFailed(drills)
}

function verifyReport(session: Session, { jws, report }: DrDrill): Promise<void> {
  return verifySignature(session, { jws, content: report })
}

function refuseFailed(drills: readonly DrDrill[]): void {
  const count = drills.filter(({ report }) => !report.passed).length
  if (count === 0) return
  throw new CliError('failed', 'ERR_CLI_DRILL_FAILED', `${count} of ${drills.length} drills failed`, {
    hint: 'the report says what to do',
    isPrinted: true,
  })
}

export const drGroup: CommandGroup = {
  name: 'dr',
  about: 'Disaster recovery: drills for the loss of a region.',
  commands: [drillCommand, reportCommand, historyCommand],
}
