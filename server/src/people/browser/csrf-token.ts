// The CSRF token of a session: nothing is stored for it, and every replica makes the same.
import type { RowMacs } from '../../store/authentic/row-macs.ts'

export function csrfTokenOf(macs: Pick<RowMacs, 'tagOf'>, sessionId: string): string {
  return Buffer.from(macs.tagOf('csrf', sessionId)).toString('base64url')
}
