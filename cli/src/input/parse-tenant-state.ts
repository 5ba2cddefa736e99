// A state by which tenants are listed.
import { InvalidArgumentError } from 'commander'

const states = ['locked', 'key-trouble', 'key-job', 'deleting'] as const

export type TenantState = (typeof states)[number]

export function parseTenantState(text: string): TenantState {
  const found = states.find((each) => each === text)
  if (found === undefined) throw new InvalidArgumentError(`expected one of ${states.join(', ')}.`)
  return found
}
