// keyhold usage …: the calls to AWS KMS, and what they may have cost.
import { InvalidArgumentError } from 'commander'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { flag, option } from '../table/input.ts'
import { kmsUsageOfAllView, kmsUsageView } from '../views/kms-usage.ts'

const kmsCommand = command({
  name: 'kms',
  about: 'Show the calls to AWS KMS by day, and an estimate of what they cost.',
  inputs: {
    from: option('--from <day>', 'as 2026-01-31, in UTC; default: the first of the month of --to', parseDay),
    to: option('--to <day>', 'the last day; default: today', parseDay),
    ofAll: flag('--operator', 'of all tenants, with an operator token'),
  },
  async run({ openSession }, { from, to, ofAll }) {
    const session = await openSession(ofAll ? 'operator' : 'tenant-admin')
    const query = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
    if (ofAll) session.print(await session.call('getKmsUsageOfAll', { query }), kmsUsageOfAllView)
    else session.print(await session.call('getKmsUsage', { query }), kmsUsageView)
  },
})

export const usageGroup: CommandGroup = {
  name: 'usage',
  about: 'Usage of services that cost money.',
  commands: [kmsCommand],
}

function parseDay(text: string): string {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text))
    throw new InvalidArgumentError('It must be a day as 2026-01-31.')
  return text
}
