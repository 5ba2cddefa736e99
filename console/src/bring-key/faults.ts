// Faults of something that was typed, before a server is asked. The server decides in the end.
import { words } from '../words/words.ts'
import type { Draft } from './draft.ts'

const arnForm = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)\/.+$/
const accountForm = /^[0-9]{12}$/

/** The faults of the first step by field; none if it may be left. */
export function faultsOfPlace({ hasKey, arn, account }: Draft): { arn?: string; account?: string } {
  if (hasKey) return arnForm.test(arn.trim()) ? {} : { arn: words.bring.arnFault }
  return accountForm.test(account.trim()) ? {} : { account: words.bring.accountFault }
}

export function arnFault(arn: string): string | undefined {
  return arnForm.test(arn.trim()) ? undefined : words.bring.arnFault
}
