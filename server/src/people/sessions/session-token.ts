// The secret of a session: a cookie of browsers, an access token of the CLI.
import {
  encodeCheckedText,
  generateCheckedText,
  hashCheckedText,
  parseCheckedText,
  type CheckedText,
  type IdTag,
} from '../../access/checked-text.ts'

export function generateSessionToken(tagOf: IdTag): { id: string; text: string; secretHash: Buffer } {
  const token = generateCheckedText(tagOf)
  return { id: token.id, text: encodeCheckedText('khs', token), secretHash: hashCheckedText('khs', token) }
}

/** Undefined for any other text, also for one with a wrong checksum. */
export function parseSessionToken(text: string): CheckedText | undefined {
  return parseCheckedText('khs', text)
}

/** Whether a text is meant to be a session's, right or wrong. */
export function looksLikeSession(text: string): boolean {
  return text.startsWith('khs_')
}
