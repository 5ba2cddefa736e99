// Texts that stand in the secret parts of requests: values, contexts, tokens. Where one of them comes back in a log line, an audit
// record, a metric or an error, a secret would have come, too. Texts that have the form of a secret of Keyhold are found as well.

/** Its nine characters are twelve of base64, wherever what follows ends. */
const mark = 'kzcanaryq'

const marks: readonly string[] = [
  mark,
  Buffer.from(mark).toString('base64'),
  Buffer.from(mark).toString('hex'),
]
/** The beginning of a secret, and enough of it that it is one. */
const secretForms: readonly RegExp[] = [
  // An access token in either form.
  /khk?_[0-9a-z]{16}_[0-9A-Za-z_-]{16}/,
  // Sessions, setup links and secrets of webhooks, which are to come.
  /(?:khs|khl|whsec)_[0-9A-Za-z+/=_-]{16}/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
]
const jwtForm = /eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]{8}/g

/** A secret text, which is another one for each number. */
export function canary(number: number): string {
  return `${mark}${number}`
}

/** The part of a text that tells a secret, for people; undefined: there is none. */
export function leakIn(text: string, secrets: ReadonlySet<string> = new Set()): string | undefined {
  const found = marks.find((each) => text.includes(each))
  if (found !== undefined) return around(text, found)
  for (const form of secretForms) {
    const secret = form.exec(text)?.[0]
    if (secret !== undefined) return around(text, secret.slice(0, 'whsec_'.length))
  }
  for (const [token, payload = ''] of text.matchAll(jwtForm))
    if (namesCaller(payload)) return around(text, token.slice(0, 'eyJ'.length))
  for (const secret of secrets) if (text.includes(secret)) return 'the plaintext of a key'
  return undefined
}

/** Signed reports and checkpoints have the form of a JWT, too, and are for everybody. */
function namesCaller(payload: string): boolean {
  const text = Buffer.from(payload, 'base64url').toString()
  return text.includes('"iss"') && text.includes('"aud"')
}

const shownCharacters = 60

function around(text: string, found: string): string {
  const at = text.indexOf(found)
  return text.slice(Math.max(0, at - shownCharacters), at + shownCharacters)
}
