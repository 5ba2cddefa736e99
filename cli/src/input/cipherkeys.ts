// Cipherkeys on the command line, as keyhold migration failures lists them.
import { InvalidArgumentError } from 'commander'
import { argument } from '../table/input.ts'

export interface Cipherkey {
  dataKeyId: string
  version: number
}

/** @param form - such as `[cipherkey...]` */
export function cipherkeysArgument(form: string) {
  return argument<Cipherkey[] | undefined>(
    form,
    'as failures lists them: <data key id>.<version>',
    parseCipherkey,
  )
}

function parseCipherkey(text: string, previous: Cipherkey[] = []): Cipherkey[] {
  const { dataKeyId = '', version } =
    /^(?<dataKeyId>[0-9a-f-]{36})\.(?<version>[1-9][0-9]{0,9})$/.exec(text)?.groups ?? {}
  if (version === undefined) throw new InvalidArgumentError('It must be <data key id>.<version>.')
  return [...previous, { dataKeyId, version: Number(version) }]
}
