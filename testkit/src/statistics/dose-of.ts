// How much of a long test file the gate runs. `npm run check:slow` runs all of it: vitest.slow.config.ts finds the files by
// their import of this one.
import { test } from 'vitest'

const isWhole = process.env.SLOW === '1'

/** The cases of a long table that a run of the tests tries: all of them in `npm run check:slow`, and every `step`-th in the gate. */
export function doseOf<Case>(cases: readonly Case[], step: number): Case[] {
  return isWhole ? [...cases] : cases.filter((_, index) => index % step === 0)
}

/** Takes every call, as of `test.each(…)(…)`, and defines nothing. */
const leftOut: unknown = new Proxy(() => undefined, { apply: () => leftOut, get: () => leftOut })

/** A test that belongs to `npm run check:slow` alone, in a file whose other tests the gate runs. */
export const slowTest = (isWhole ? test : leftOut) as typeof test
