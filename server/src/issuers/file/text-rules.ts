// The forms of texts that several parts of the file of issuers have.
import type { TextRules } from './json-places.ts'

// A `#` would let one issuer name the subjects of another one.
export const issuerText: TextRules = {
  max: 255,
  form: /^(?!certificate:)[\x21-\x22\x24-\x7e]+$/,
  expects:
    'the text of iss: up to 255 visible ASCII characters without #, and none that begins with certificate:',
}
export const nameText: TextRules = {
  max: 32,
  form: /^[a-z0-9][a-z0-9-]*$/,
  expects: 'a name of a-z, 0-9 and -, up to 32',
}
export const plain: TextRules = {
  max: 255,
  form: /^[\x21-\x7e]+$/,
  expects: 'up to 255 visible ASCII characters',
}
export const httpsUrl: TextRules = {
  max: 2_048,
  form: /^https:\/\/[^/#]+/,
  expects: 'a URL that begins with https://',
}
export const fileText: TextRules = { max: 4_096, form: /^\//, expects: 'a file, with its whole path' }
