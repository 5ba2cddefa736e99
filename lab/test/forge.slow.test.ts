// A small dose of `npm run lab forge`, and that it sees what it looks for.
import { expect, test } from 'vitest'
import { createSeededRandom } from '../../testkit/src/statistics/seeded-random.ts'
import { nameOf, sampleOf } from '../src/forge/attacks.ts'
import { tenantOfFormat1, underOtherName } from '../src/forge/known-gaps.ts'
import { runForge } from '../src/forge/run-forge.ts'
import { ways } from '../src/forge/verdicts.ts'

const sampled = 4
// The lock of a tenant is lifted by its older rows, all of them, where no replica remembers newer ones.
const slice = '(closed) put back with its anchors'
// Names are bound under format 2 alone. The one tenant of format 1 shows what they were before.
const exchange = 'cipherkeys.key_name exchanged'

test('no attack on a row has a forbidden consequence, but for the gaps that are named', async () => {
  const tried = await runForge({
    choose: (attacks) => [
      ...sampleOf(attacks, sampled, createSeededRandom(20_261_130)),
      ...attacks.filter((attack) => nameOf(attack) === exchange),
      ...attacks.filter((attack) => nameOf(attack) === slice),
    ],
    say: () => undefined,
  })
  expect(tried.length).toBe(sampled + 2)
  for (const { attack, verdicts } of tried)
    for (const way of ways) {
      const verdict = verdicts[way]
      expect(verdict.is, `${nameOf(attack)}, ${way}: ${JSON.stringify(verdict)}`).not.toBe('broken')
    }
  const gap = { is: 'gap', gap: 'exchanged names', forbidden: [underOtherName(tenantOfFormat1)] }
  expect(tried.at(-2)?.verdicts).toMatchObject({ cold: gap, restart: gap })
  expect(tried.at(-1)?.verdicts).toMatchObject({
    ...{ warm: { is: 'refused' }, cold: { is: 'refused' } },
    restart: { is: 'gap', gap: 'older slice' },
    'restart with state': { is: 'refused' },
  })
}, 300_000)
