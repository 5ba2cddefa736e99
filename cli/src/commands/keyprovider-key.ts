// keyhold keyprovider check and policy: what a key needs before it is registered.
import type { KeyPolicy } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { command, type Invocation } from '../table/command-spec.ts'
import { choice, option, required } from '../table/input.ts'
import { keyChecksView } from '../views/key-checks.ts'
import { policyText, policyFormats } from '../views/key-policy.ts'

const theKey = {
  arn: required('--arn <arn>', 'ARN of the key, or of an alias, in AWS KMS'),
  roleArn: option(
    '--role-arn <arn>',
    'ARN of a role of your account that Keyhold assumes, instead of being named by the key policy',
  ),
}

export const checkCommand = command({
  name: 'check',
  about: 'Try all that a registration would try, and store nothing.',
  inputs: theKey,
  async run({ openSession }, { arn, roleArn }) {
    const session = await openSession('tenant-admin')
    const body = { arn, ...(roleArn !== undefined && { roleArn }) }
    const reply = await session.call('checkKeyProvider', { body })
    session.print(reply, keyChecksView)
    const { accepted, registered, error } = reply.body
    if (accepted || registered) return
    throw new CliError('failed', error?.code ?? 'ERR_KEY_UNUSABLE', 'the key would be refused')
  },
})

export const policyCommand = command({
  name: 'policy',
  about: 'Print the key policy that a key needs, ready to paste into AWS.',
  inputs: {
    ...theKey,
    format: choice('--format <format>', 'what to print', policyFormats),
    region: option('--region <region>', 'for this region alone'),
  },
  async run(invocation, { arn, roleArn, format, region }) {
    const session = await invocation.openSession('tenant-admin')
    const query = { arn, ...(roleArn !== undefined && { roleArn }) }
    session.print(await session.call('getKeyPolicy', { query }), {
      ids: ({ regions }) => regions.map((each) => each.region),
      text(policy) {
        const { text, remarks } = policyText(ofRegion(policy, region, invocation), format)
        if (text === undefined) return invocation.refuse(`no ${format} is needed here`)
        for (const remark of remarks) session.remark(remark)
        return text
      },
    })
  },
})

function ofRegion(policy: KeyPolicy, region: string | undefined, { refuse }: Invocation): KeyPolicy {
  if (region === undefined) return policy
  const regions = policy.regions.filter((each) => each.region === region)
  if (regions.length > 0) return { ...policy, regions }
  return refuse(`--region must be one of ${policy.regions.map((each) => each.region).join(', ')}`)
}
