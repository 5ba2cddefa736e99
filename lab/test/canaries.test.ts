// The forms of secrets that the fuzzer looks for: each is found wherever it stands, and texts that are for everybody are not.
import { expect, test } from 'vitest'
import { canary, leakIn } from '../src/fuzz-contract/canaries.ts'

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jws = (payload: object) => `${base64url({ alg: 'ES256' })}.${base64url(payload)}.${'A'.repeat(86)}`

test.each([
  ['a planted text', canary(7)],
  ['a planted text in base64', Buffer.from(canary(7)).toString('base64')],
  ['an API key', `khk_${'0'.repeat(16)}_${'a'.repeat(49)}`],
  ['an API key of the older form', `kh_${'0'.repeat(16)}_${'a'.repeat(43)}`],
  ['a session', `khs_${'a'.repeat(43)}`],
  ['a setup link', `https://keyhold.example/setup#khl_${'a'.repeat(43)}`],
  ['the secret of a webhook', `whsec_${Buffer.alloc(24, 1).toString('base64')}`],
  ['a JWT', jws({ iss: 'https://issuer.example', aud: 'x', sub: 'y' })],
  ['a private key', '-----BEGIN EC PRIVATE KEY-----'],
])('%s is found', (_, secret) => {
  expect(leakIn(`{"msg":"before ${secret} after"}`)).toBeDefined()
})

test.each([
  ['the id of an API key', `khk_${'0'.repeat(16)}`],
  ['a signed report', jws({ report: 'of a migration', at: '2026-01-01T00:00:00Z' })],
  ['a public key', '-----BEGIN PUBLIC KEY-----'],
])('%s is none', (_, text) => {
  expect(leakIn(`{"msg":"before ${text} after"}`)).toBeUndefined()
})
