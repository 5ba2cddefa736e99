// Takes a JWT apart, before anything of it is believed. Duplicate names are refused: parsers disagree about them.
import { parseJson } from '../../json/parse-json.ts'
import { RefusedToken } from './refused-token.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface ReadJwt {
  header: JsonObject
  claims: JsonObject
}

export const maxTokenBytes = 8_192
// Three parts of base64url without padding.
const compactForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const partForm = /\./g

/** Whether a bearer token is meant to be a JWT: no API key has a dot. */
export function looksLikeJwt(token: string): boolean {
  return token.match(partForm)?.length === 2
}

/** @throws RefusedToken */
export function readJwt(token: string): ReadJwt {
  if (token.length > maxTokenBytes)
    throw new RefusedToken('malformed', `It has more than ${maxTokenBytes} bytes.`)
  if (!compactForm.test(token)) throw new RefusedToken('malformed', 'It is not three parts of base64url.')
  const [header = '', claims = ''] = token.split('.')
  return { header: readPart(header, 'header'), claims: readPart(claims, 'payload') }
}

function readPart(part: string, name: string): JsonObject {
  const bytes = Buffer.from(part, 'base64url')
  // One spelling for each value: bits behind its end would make several.
  if (bytes.toString('base64url') !== part)
    throw new RefusedToken('malformed', `Its ${name} is no base64url.`)
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch {
    throw new RefusedToken('malformed', `Its ${name} is no JSON, or has a name twice.`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RefusedToken('malformed', `Its ${name} is no object.`)
  }
  return value as JsonObject
}
