// Base64 with exactly one spelling for each value. Node's decoder skips unknown characters and ignores stray bits at the
// end; a text that does not encode back to itself is refused here.

/** The bytes of canonical, padded base64 (RFC 4648 section 4), or undefined for any other text. */
export function parseBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** The bytes of canonical, unpadded base64url (RFC 4648 section 5), or undefined for any other text. */
export function parseBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
