// keyhold keyprovider check and policy: what a key needs before it is registered.
import type { KeyPolicy } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { command, type Invocation } from '../table/command-spec.ts'
import { choice, option, required } from '../table/input.ts'
import { keyChecksView } from '../views/key-checks.ts'
import { policyText, policyFormats, type PolicyFormat } from '../views/key-policy.ts'

const theKey = {
  arn: required('--arn <arn>', 'ARN of the key, or of an alias, in AWS KMS'),
  roleArn: option(
    '--role-arn <arn>',
    'ARN of a role of your account that Keyhold assumes, instead of being named by the key policy',
  ),
  roleAccess: option(
    '--role-access <kind>',
    'web-identity: Keyhold assumes the role with an identity token of its own; else with the external id',
  ),
}

export const checkCommand = command({
  name: 'check',
  about: 'Try all that a registration would try, and store nothing.',
  inputs: theKey,
  async run(invocation, { arn, roleArn, roleAccess }) {
    const session = await invocation.openSession('tenant-admin')
    const body = { arn, ...(roleArn !== undefined && { roleArn }), ...accessOf(invocation, roleAccess) }
    const reply = await session.call('checkKeyProvider', { body })
    session.print(reply, keyChecksView)
    const { accepted, registered, error } = reply.body
    if (accepted || registered) return
    throw new CliError('failed', error?.code ?? 'ERR_KEY_UNUSABLE', 'the key would be refused')
  },
})

export const policyCommand = command({
  name: 'policy',
  about: 'Print the key policy that a key needs, ready to paste into AWS, or what makes such a key.',
  inputs: {
    arn: option('--arn <arn>', 'ARN of the key, or of an alias, in AWS KMS; else --account and --regions'),
    account: option('--account <id>', 'account of a key that does not exist yet'),
    regions: option(
      '--regions <regions>',
      'regions, separated by commas: of a key that does not exist yet, its own first; else more regions of the key',
    ),
    roleArn: theKey.roleArn,
    roleAccess: theKey.roleAccess,
    format: choice('--format <format>', 'what to print', policyFormats),
    region: option('--region <region>', 'for this region alone'),
  },
  async run(invocation, { arn, account, regions, roleArn, roleAccess, format, region }) {
    if (arn === undefined && (account === undefined || regions === undefined))
      return invocation.refuse('it needs --arn, or --account and --regions where there is no key yet')
    const session = await invocation.openSession('tenant-admin')
    const query = {
      ...(arn !== undefined && { arn }),
      ...(account !== undefined && { account }),
      ...(regions !== undefined && { regions }),
      ...(roleArn !== undefined && { roleArn }),
      ...accessOf(invocation, roleAccess),
    }
    session.print(await session.call('getKeyPolicy', { query }), {
      ids: ({ regions }) => regions.map((each) => each.region),
      text(policy) {
        const { text, remarks } = policyText(ofRegion(policy, { region, format }, invocation), format)
        if (text === undefined) {
          return invocation.refuse(
            format === 'identity-provider'
              ? '--format identity-provider needs --role-access web-identity'
              : `no ${format} is needed here`,
          )
        }
        for (const remark of remarks) session.remark(remark)
        return text
      },
    })
  },
})

function accessOf({ refuse }: Invocation, access: string | undefined): { roleAccess?: 'web-identity' } {
  if (access === undefined) return {}
  return access === 'web-identity' ? { roleAccess: access } : refuse('--role-access is web-identity')
}

function ofRegion(
  policy: KeyPolicy,
  { region, format }: { region: string | undefined; format: PolicyFormat },
  { refuse }: Invocation,
): KeyPolicy {
  if (region === undefined) return policy
  const isWhole = policy.terraform !== undefined && format === 'terraform'
  if (isWhole || format === 'aws-cli' || format === 'grants')
    return refuse(`--format ${format} is for all regions of the key at once`)
  const regions = policy.regions.filter((each) => each.region === region)
  if (regions.length > 0) return { ...policy, regions }
  return refuse(`--region must be one of ${policy.regions.map((each) => each.region).join(', ')}`)
}
