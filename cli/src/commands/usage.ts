// keyhold usage …: how often AWS KMS was called, and what that may have cost.
import { InvalidArgumentError, type Command } from 'commander'
import { openSession } from '../session/open-session.ts'
import { printReply } from '../output/print-reply.ts'
import { kmsUsageOfAllView, kmsUsageView } from '../views/kms-usage.ts'

interface Options {
  from?: string
  to?: string
  operator?: true
}

export function addUsageGroup(parent: Command): void {
  parent
    .command('usage')
    .description('What was used.')
    .command('kms')
    .description('Calls to AWS KMS by day, and an estimate of what they cost.')
    .option('--from <day>', 'as 2026-01-31, in UTC; default: the first of the month of --to', parseDay)
    .option('--to <day>', 'the last day; default: today', parseDay)
    .option('--operator', 'of all tenants, with an operator token')
    .action(async ({ from, to, operator }: Options, command: Command) => {
      const session = await openSession(command, operator ? 'operator' : 'tenant-admin')
      const query = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
      if (operator)
        printReply(session.mode, await session.call('getKmsUsageOfAll', { query }), kmsUsageOfAllView)
      else printReply(session.mode, await session.call('getKmsUsage', { query }), kmsUsageView)
    })
}

function parseDay(text: string): string {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text))
    throw new InvalidArgumentError('It must be a day as 2026-01-31.')
  return text
}
