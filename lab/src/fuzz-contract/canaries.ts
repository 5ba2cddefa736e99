// Texts that stand in the secret parts of requests: values, contexts, tokens. Where one of them comes back in a log line, an audit
// record, a metric or an error, a secret would have come, too.

/** Its nine characters are twelve of base64, wherever what follows ends. */
const mark = 'kzcanaryq'

const marks: readonly string[] = [
  mark,
  Buffer.from(mark).toString('base64'),
  Buffer.from(mark).toString('hex'),
]
// An access token with its secret, in either form.
const accessTokenForm = /khk?_[0-9a-z]{16}_[0-9A-Za-z_-]{16}/

/** A secret text, which is another one for each number. */
export function canary(number: number): string {
  return `${mark}${number}`
}

/** The part of a text that tells a secret, for people; undefined: there is none. */
export function leakIn(text: string, secrets: ReadonlySet<string> = new Set()): string | undefined {
  const found = marks.find((each) => text.includes(each))
  if (found !== undefined) return around(text, found)
  const token = accessTokenForm.exec(text)?.[0]
  if (token !== undefined) return around(text, token.slice(0, 'khk_'.length))
  for (const secret of secrets) if (text.includes(secret)) return 'the plaintext of a key'
  return undefined
}

const shownCharacters = 60

function around(text: string, found: string): string {
  const at = text.indexOf(found)
  return text.slice(Math.max(0, at - shownCharacters), at + shownCharacters)
}
