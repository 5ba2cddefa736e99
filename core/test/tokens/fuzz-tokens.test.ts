import { expect, test } from 'vitest'
import { fuzzTokens } from './fuzz-tokens.ts'

// `npm run fuzz:tokens` makes a million.
const count = process.env.SLOW === '1' ? 1_000_000 : 20_000

test('generated tokens get the two documented errors and no other', { timeout: 600_000 }, () => {
  const tally = fuzzTokens(count, 20_260_801)

  const sum = { ERR_TOKEN_INVALID: 0, ERR_DECRYPTION_FAILED: 0, decrypted: 0 }
  for (const counts of Object.values(tally)) {
    sum.ERR_TOKEN_INVALID += counts.ERR_TOKEN_INVALID
    sum.ERR_DECRYPTION_FAILED += counts.ERR_DECRYPTION_FAILED
    sum.decrypted += counts.decrypted
  }
  expect(sum.ERR_TOKEN_INVALID + sum.ERR_DECRYPTION_FAILED + sum.decrypted).toBe(count)
  // Each outcome is frequent: refused by the parser, refused by the key, and decrypted.
  expect(sum.ERR_TOKEN_INVALID).toBeGreaterThan(count / 5)
  expect(sum.ERR_DECRYPTION_FAILED).toBeGreaterThan(count / 5)
  expect(sum.decrypted).toBeGreaterThan(count / 50)
})
