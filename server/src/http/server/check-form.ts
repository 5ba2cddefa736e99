// Checks a body or a query against its schema. It names the first fault and never repeats a value.
import { KeyholdError } from '@keyhold/core'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { firstFault, hasTooManyItems } from './first-fault.ts'

export interface Form {
  schema: TSchema
  validator: Validator
}

export function formOf(schema: TSchema): Form {
  return { schema, validator: Compile(schema) }
}

/**
 * Answers the value if it has the form.
 *
 * @param part - the part of the request
 * @throws KeyholdError `ERR_INVALID_REQUEST`, naming the first member that is wrong
 */
export function checkForm({ schema, validator }: Form, value: unknown, part: 'body' | 'query'): unknown {
  if (!hasTooManyItems(schema, value) && validator.Check(value)) return value
  const { place, message } = firstFault(schema, value)
  const whole = part === 'body' && place === ''
  const subject = whole ? 'The body' : part === 'body' ? `The member ${place}` : `The query's member ${place}`
  throw new KeyholdError('ERR_INVALID_REQUEST', { message: `${subject} ${message}.` })
}
