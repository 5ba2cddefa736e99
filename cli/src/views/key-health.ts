// The health of a key for people.
import type { KeyHealth } from '@keyhold/client'
import { formatFields } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const keyHealthView: View<KeyHealth> = {
  ids: ({ state }) => [state],
  text: ({ state, cause, since, checkedAt, advice, regions, needed, alias }) =>
    formatFields([
      ['health', state],
      ['cause', cause],
      ['advice', advice === '' ? undefined : advice],
      ['needed', needed === false ? 'no: the tenant works without it' : undefined],
      ['since', readableTime(since)],
      ['checked', readableTime(checkedAt)],
      ['alias', alias && `${alias.arn}  ${alias.state}`],
      ['to follow', followOf(alias)],
      ['regions', regions.map(regionOf)],
    ]),
}

// The advice for the key's own region stands above.
function regionOf({ region, state, cause, advice }: KeyHealth['regions'][number], index: number): string {
  const what = `${region}  ${state}: ${cause}`
  return index === 0 || advice === '' ? what : `${what} ${advice}`
}

// The commands that follow an alias to its new key.
function followOf(alias: KeyHealth['alias']): string[] | undefined {
  if (alias?.offer === undefined) return undefined
  const { register, arnFingerPrint } = alias.offer
  const { roleArn, roleAccess } = register.body
  const access = roleAccess === undefined ? '' : ` --role-access ${roleAccess}`
  const role = roleArn === undefined ? '' : ` --role-arn ${roleArn}${access}`
  return [
    `keyhold keyprovider create --name ${quoted(register.body.name)} --arn ${register.body.arn}${role}`,
    `keyhold keyprovider migrate ${arnFingerPrint}`,
  ]
}

// For a POSIX shell.
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
