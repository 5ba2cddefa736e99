// keyhold encrypt and keyhold decrypt: files and streams on this machine, under leased keys; single values by the server.
import { fileProblem } from '../encryption/file-problem.ts'
import { inputsOfDecrypt, inputsOfEncrypt, namedFile, type ByteRange } from '../encryption/inputs.ts'
import { transformContent } from '../encryption/transform-content.ts'
import { transformValue } from '../encryption/transform-value.ts'
import { CliError } from '../errors/cli-error.ts'
import { openTenant } from '../session/open-tenant.ts'
import { command, type Invocation } from '../table/command-spec.ts'
import type { ValuesOf } from '../table/input.ts'
import { interruptible } from '../wait/interruptible.ts'

export const encryptCommand = command({
  name: 'encrypt',
  about: 'Encrypt a file of any size, or a value.',
  inputs: inputsOfEncrypt,
  run: (invocation, values) => transform('encrypt', invocation, { ...values, range: undefined }),
})

export const decryptCommand = command({
  name: 'decrypt',
  about: 'Decrypt a file of any size, or a token.',
  inputs: inputsOfDecrypt,
  run: (invocation, values) =>
    transform('decrypt', invocation, { ...values, keyName: undefined, trimNewline: false }),
})

type Values = ValuesOf<typeof inputsOfEncrypt> & { range: ByteRange | undefined }

const interrupt = {
  names: ['SIGINT', 'SIGTERM', 'SIGHUP'],
  error: new CliError('interrupted', 'ERR_CLI_INTERRUPTED', 'interrupted'),
} as const

async function transform(
  direction: 'encrypt' | 'decrypt',
  invocation: Invocation,
  values: Values,
): Promise<void> {
  const { shell, globals, mode } = invocation
  const { value: isValue, force, keyName, trimNewline, range } = values
  const context = globals.context?.pairs ?? {}
  const input = namedFile(shell, isValue ? values.file : values.input)
  const output = namedFile(shell, values.output)
  if (isValue) refuseForValues(invocation, values)
  else refuseForFiles(invocation, values, { isStandardInput: !input, isStandardOutput: !output })
  if (input === undefined && globals.tokenFile === '-')
    invocation.refuse('standard input cannot hold both the token and the content')
  const tenant = () => openTenant(shell, globals, values.tenant)
  const local = async () => (await tenant()).local
  const task = { direction, input, output, context, force }
  try {
    await interruptible(shell, interrupt, ({ signal }) =>
      isValue
        ? transformValue(shell, tenant, { ...task, keyName, trimNewline, json: mode === 'json' }, signal)
        : transformContent(shell, local, { ...task, quiet: mode === 'quiet', range }, signal),
    )
  } catch (error) {
    throw fileProblem(error, { input, output })
  }
}

function refuseForValues({ refuse }: Invocation, { input, range }: Values): void {
  // It may be the secret itself: the message must not repeat it.
  if (input !== undefined)
    refuse(
      '--value takes no argument, which every user of this machine could see; use standard input or --file',
    )
  if (range !== undefined) refuse('--range is for files; leave out --value')
}

function refuseForFiles(
  { refuse, mode }: Invocation,
  { file, keyName, trimNewline, range }: Values,
  { isStandardInput, isStandardOutput }: { isStandardInput: boolean; isStandardOutput: boolean },
): void {
  if (file !== undefined) refuse('--file is for --value; name the file without it')
  if (keyName !== undefined) refuse('--key-name is for --value: the keys of files have no names')
  if (trimNewline) refuse('--trim-newline is for --value')
  if (range !== undefined && isStandardInput) refuse('--range needs a file: a stream has no middle')
  if (isStandardOutput && (mode === 'json' || mode === 'raw'))
    refuse('--json and --raw need --output: standard output holds the content')
}
