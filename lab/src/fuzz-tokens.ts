// `npm run fuzz:tokens -- --count 1000000 --seed N`: that many generated tokens through core's parser and decryption.
// Ends with 1 and what finds it again when a token got anything but the two documented errors.
import { parseArgs } from 'node:util'
import { fuzzTokens } from '../../core/test/tokens/fuzz-tokens.ts'

const { values } = parseArgs({ options: { count: { type: 'string' }, seed: { type: 'string' } } })
const count = Number(values.count ?? 1_000_000)
const seed = Number(values.seed ?? Date.now() % 2 ** 32)
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  throw new RangeError('--count and --seed expect whole numbers')
}

const startMs = performance.now()
const tally = fuzzTokens(count, seed)
console.table(tally)
const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
console.log(`${count} tokens, seed ${seed}: nothing but the two documented errors, in ${seconds} s`)
