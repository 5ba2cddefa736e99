// Parses and opens generated tokens as the server does, and counts the outcomes. Only the two documented errors may
// occur. Any other error is thrown, with the seed and the token that reproduce it.
import { keyFromBytes, type DataKey } from '../../src/data-key.ts'
import { isKeyholdError, type ErrorCode } from '../../src/errors.ts'
import { encodeToken, parseToken, type ParsedToken } from '../../src/token.ts'
import { decryptValue } from '../../src/value.ts'
import { createTokenFuzzer, type FuzzedToken, type Original } from './token-fuzzer.ts'

export type Outcome = 'ERR_TOKEN_INVALID' | 'ERR_DECRYPTION_FAILED' | 'decrypted'

/** The number of tokens by strategy and outcome. */
export type Tally = Record<string, Record<Outcome, number>>

const tenants = ['018f3c1e-7b1a-7c55-9a3e-0d5b8c1f2a10', 'ImTRa-bkJTD-NZRYjNBa_rDhwSVA6Qo8']

/** Data keys of two tenants in two versions. The keys of one version have the same bytes. */
export const fuzzKeys: readonly DataKey[] = tenants.flatMap((tenantId, tenant) =>
  [1, 2].map((version) => ({
    tenantId,
    id: `018f3c1e-0000-7000-8000-0000000000d${tenant + 1}`,
    version,
    key: keyFromBytes(Buffer.alloc(32, version)),
  })),
)

/**
 * @param count - the number of tokens
 * @param seed - a whole number. It decides the mutations; the tokens' bytes differ from run to run, as salts are random
 */
export function fuzzTokens(count: number, seed: number): Tally {
  const fuzzer = createTokenFuzzer(seed, fuzzKeys)
  const tally: Tally = {}
  for (let index = 0; index < count; index++) {
    const fuzzed = fuzzer.next()
    const counts = (tally[fuzzed.strategy] ??= {
      ERR_TOKEN_INVALID: 0,
      ERR_DECRYPTION_FAILED: 0,
      decrypted: 0,
    })
    try {
      counts[outcomeOf(fuzzed, fuzzer.originals)]++
    } catch (cause) {
      const { strategy, text, context } = fuzzed
      const found = JSON.stringify({ seed, index, strategy, text, context })
      throw new Error(`not one of the two documented errors: ${found}`, { cause })
    }
  }
  return tally
}

function outcomeOf({ text, context }: FuzzedToken, originals: readonly Original[]): Outcome {
  let parsed: ParsedToken
  try {
    parsed = parseToken(text)
  } catch (error) {
    return codeOr(error, 'ERR_TOKEN_INVALID')
  }
  if (encodeToken(Buffer.concat([parsed.headerBytes, parsed.sealed])) !== text) {
    throw new Error('a token with two spellings')
  }
  const { dataKeyId, version } = parsed.header
  const dataKey = fuzzKeys.find((key) => key.id === dataKeyId && key.version === version)
  if (dataKey === undefined) return 'ERR_DECRYPTION_FAILED'
  let plaintext: Buffer
  try {
    plaintext = decryptValue(dataKey, context, parsed)
  } catch (error) {
    return codeOr(error, 'ERR_DECRYPTION_FAILED')
  }
  const original = originals.find((each) => each.text === text)
  if (original?.plaintext.equals(plaintext) !== true || !sameContext(original.context, context)) {
    throw new Error('a token opened that nobody made')
  }
  return 'decrypted'
}

function codeOr<Code extends ErrorCode>(error: unknown, code: Code): Code {
  if (isKeyholdError(error, code)) return code
  throw error
}

function sameContext(a: Record<string, string>, b: Record<string, string>): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())
}
