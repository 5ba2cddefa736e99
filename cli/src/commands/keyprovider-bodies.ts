// keyhold keyprovider create and patch: their bodies come from options or from a file. The server judges them.
import type { RequestBody } from '@keyhold/client'
import { readJson } from '../input/read-json.ts'
import { withKeyProvider } from '../session/find-key-provider.ts'
import { command, type CommandSpec, type Invocation } from '../table/command-spec.ts'
import { option, type Input } from '../table/input.ts'
import { keyProviderView } from '../views/key-provider.ts'

export const createCommand = command({
  name: 'create',
  about: 'Register a key after trying it for real.',
  inputs: {
    arn: option('--arn <arn>', 'ARN of the key in AWS KMS'),
    roleArn: option('--role-arn <arn>', 'ARN of a role of your account that Keyhold assumes to reach it'),
    roleAccess: option(
      '--role-access <kind>',
      'web-identity: Keyhold assumes the role with an identity token of its own; else with the external id',
    ),
    name: option('--name <name>', 'name for people'),
    description: option('--description <text>', 'description for people'),
    keyProvider: option('--keyProvider <kind>', 'AWS-KMS, the only kind'),
    keyprovider: option('--keyprovider <kind>', '', undefined, { isHidden: true }),
    file: option(
      '-f, --file <path>',
      'read the body as JSON, with - from standard input; options win over it',
    ),
  },
  async run(invocation, { arn, roleArn, roleAccess, name, description, keyProvider, keyprovider, file }) {
    refuseSharedInput(invocation, file)
    if (file === undefined && (arn === undefined || name === undefined))
      invocation.refuse('--arn and --name are required, or --file')
    const fromFile = file === undefined ? {} : await readJson(invocation.shell, file)
    const fromOptions = {
      arn,
      roleArn,
      roleAccess,
      name,
      description,
      keyprovider: keyProvider ?? keyprovider,
    }
    const given = Object.entries(fromOptions).filter(([, value]) => value !== undefined)
    const isObject = typeof fromFile === 'object' && fromFile !== null && !Array.isArray(fromFile)
    const body = isObject ? { ...fromFile, ...Object.fromEntries(given) } : fromFile
    const session = await invocation.openSession('tenant-admin')
    const reply = await session.call('createKeyProvider', { body: body as RequestBody<'createKeyProvider'> })
    session.print(reply, keyProviderView)
  },
})

export function patchCommand(theProvider: Input<string>): CommandSpec {
  return command({
    name: 'patch',
    about: 'Replace the name or the description.',
    inputs: {
      arnFingerPrint: theProvider,
      op: option('--op <operation>', 'replace, the only operation'),
      path: option('--path <path>', '/name or /description'),
      value: option('--value <text>', 'the new value'),
      file: option('-f, --file <path>', 'read the patches as a JSON array, with - from standard input'),
    },
    async run(invocation, { arnFingerPrint, op, path, value, file }) {
      refuseSharedInput(invocation, file)
      const isGiven = op !== undefined || path !== undefined || value !== undefined
      if (file !== undefined && isGiven)
        invocation.refuse('--file takes the place of --op, --path and --value')
      if (file === undefined && (path === undefined || value === undefined))
        invocation.refuse('--path and --value are required, or --file')
      const body =
        file === undefined ? [{ op: op ?? 'replace', path, value }] : await readJson(invocation.shell, file)
      const session = await invocation.openSession('tenant-admin')
      const reply = await withKeyProvider(session, arnFingerPrint, (fingerprint) =>
        session.call('patchKeyProvider', {
          params: { arnFingerPrint: fingerprint },
          body: body as RequestBody<'patchKeyProvider'>,
        }),
      )
      session.printStatus(reply)
    },
  })
}

function refuseSharedInput({ globals, refuse }: Invocation, file: string | undefined): void {
  if (file === '-' && globals.tokenFile === '-')
    refuse('--file and --token-file cannot both read standard input')
}
