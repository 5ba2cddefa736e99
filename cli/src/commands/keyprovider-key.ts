// keyhold keyprovider check, policy and health: what a key needs, before it is registered, and how it is afterwards.
import type { KeyPolicy } from '@keyhold/client'
import { Option, type Command } from 'commander'
import { CliError } from '../errors/cli-error.ts'
import { openSession } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { requestBody } from '../input/request-body.ts'
import { say } from '../output/say.ts'
import { keyChecksView } from '../views/key-checks.ts'
import { keyHealthView } from '../views/key-health.ts'

const formats = ['json', 'terraform', 'cloudformation', 'trust-policy', 'role-policy'] as const

interface KeyOptions {
  arn: string
  roleArn?: string
}

interface PolicyOptions extends KeyOptions {
  format: (typeof formats)[number]
  region?: string
}

const arnOption = ['--arn <arn>', 'ARN of the key, or of an alias, in AWS KMS'] as const
const roleOption = [
  '--role-arn <arn>',
  'ARN of a role of your account that Keyhold assumes, instead of being named by the key policy',
] as const

export function addKeyCommands(group: Command): void {
  group
    .command('health')
    .description('Tell what AWS KMS answers about the key, in every region, and what can be done about it.')
    .argument('<fingerprint>', 'fingerprint of the key provider', parsePathSegment)
    .action(async (arnFingerPrint: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('getKeyProviderHealth', { params: { arnFingerPrint } })
      printReply(session.mode, reply, keyHealthView)
    })

  group
    .command('check')
    .description('Try everything about a key that registering it would try, and store nothing.')
    .requiredOption(...arnOption)
    .option(...roleOption)
    .action(async (options: KeyOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const body = requestBody('checkKeyProvider', options)
      const reply = await session.call('checkKeyProvider', { body })
      printReply(session.mode, reply, keyChecksView)
      const { accepted, registered, error } = reply.body
      if (accepted || registered) return
      throw new CliError('failed', error?.code ?? 'ERR_KEY_UNUSABLE', 'the key would be refused')
    })

  group
    .command('policy')
    .description('Print the key policy that a key needs, ready to paste into AWS.')
    .requiredOption(...arnOption)
    .option(...roleOption)
    .addOption(new Option('--format <format>', 'what to print').choices(formats).default('json'))
    .option('--region <region>', 'for this region alone')
    .action(async ({ format, region, ...query }: PolicyOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('getKeyPolicy', { query })
      printReply(session.mode, reply, {
        ids: ({ regions }) => regions.map((each) => each.region),
        text: (policy) => policyText(policy, format, region, command),
      })
    })
}

function policyText(
  policy: KeyPolicy,
  format: PolicyOptions['format'],
  region: string | undefined,
  command: Command,
): string {
  const regions = policy.regions.filter((each) => region === undefined || each.region === region)
  const [first] = regions
  if (first === undefined) {
    const known = policy.regions.map((each) => each.region).join(', ')
    return command.error(`error: --region must be one of ${known}`)
  }
  if (format === 'trust-policy' || format === 'role-policy') {
    const document = format === 'trust-policy' ? policy.trustPolicy : policy.rolePolicy
    if (document === undefined) return command.error(`error: no ${format} is needed here`)
    return JSON.stringify(document, undefined, 2)
  }
  if (format === 'terraform') return regions.map(({ terraform }) => terraform.trimEnd()).join('\n\n')
  if (format === 'cloudformation') {
    // Each region has a stack of its own, so that only one of them can be printed.
    if (regions.length > 1) say(`for ${first.region}; print the others with --region`)
    return first.cloudFormation.trimEnd()
  }
  say(`the key policy for ${regions.map((each) => each.region).join(' and ')}: put it into each`)
  if (policy.trustPolicy !== undefined) say('the role needs a trust policy as well: --format trust-policy')
  if (policy.rolePolicy !== undefined) say("its account must allow it the key's use: --format role-policy")
  return JSON.stringify(first.policy, undefined, 2)
}
