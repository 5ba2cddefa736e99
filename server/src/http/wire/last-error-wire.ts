// The reason why a key job waits. Its stored form is checked before it is shown.
import { KeyholdError } from '@keyhold/core'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'

const form = Type.Object({ code: Type.String(), message: Type.String(), at: Type.String() })
const lastErrorForm = Compile(form)

/** @throws KeyholdError `ERR_MIGRATION_RECORD_INVALID` when what is stored is damaged */
export function lastErrorWire({ lastError }: KeyJobRow): Static<typeof form> | undefined {
  if (lastError === undefined) return undefined
  if (!lastErrorForm.Check(lastError)) throw new KeyholdError('ERR_MIGRATION_RECORD_INVALID')
  return lastError
}
