// `npm run lab fuzz-tokens`: generated tokens through core's parser and decryption. A token that causes anything but the
// two documented errors ends the process with 1 and a message that says how to find it again.
import { integer, seed } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const { count, seed: usedSeed } = readOptions('fuzz-tokens', {
  count: integer('how many tokens', { min: 1, default: 1_000_000 }),
  seed: seed(),
})
const { fuzzTokens } = await import('../../../core/test/tokens/fuzz-tokens.ts')

const startMs = performance.now()
for (const [strategy, outcomes] of Object.entries(fuzzTokens(count, usedSeed))) {
  const counts = Object.entries(outcomes).map(([outcome, times]) => `${outcome} × ${times}`)
  process.stdout.write(`${strategy.padEnd(28)} ${counts.join(', ')}\n`)
}
const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
process.stdout.write(
  `${count} tokens, seed ${usedSeed}: nothing but the two documented errors, in ${seconds} s\n`,
)
