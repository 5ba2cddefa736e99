// The same context as another system might have written it. macOS hands out file names in the Unicode normal form D,
// keyboards and most other systems in C: the two look the same, and bind to different bytes.
import type { EncryptionContext } from './context.ts'

export type NormalForm = 'NFC' | 'NFD'

export interface OtherForm {
  form: NormalForm
  context: EncryptionContext
}

const forms: readonly NormalForm[] = ['NFC', 'NFD']
const ascii = /^\p{ASCII}*$/u

/** The contexts whose values are all in one normal form, where that differs from `context`. Keys are always in form C. */
export function otherNormalForms(context: EncryptionContext): OtherForm[] {
  const pairs = Object.entries(context)
  if (pairs.every(([, value]) => ascii.test(value))) return []
  return forms
    .map((form) => ({ form, pairs: pairs.map(([key, value]) => [key, value.normalize(form)] as const) }))
    .filter((other) => other.pairs.some(([key, value]) => value !== context[key]))
    .map((other) => ({ form: other.form, context: Object.fromEntries(other.pairs) }))
}

/** The sentence for an error when `opens` succeeds for such a context; undefined when none does. */
export function normalFormHint(
  context: EncryptionContext,
  opens: (context: EncryptionContext) => boolean,
): string | undefined {
  const found = otherNormalForms(context).find((other) => opens(other.context))
  if (found === undefined) return undefined
  return `It was encrypted with this context in the Unicode normal form ${found.form}: normalize the values of the context to it, as in value.normalize('${found.form}').`
}
