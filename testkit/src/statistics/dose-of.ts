/**
 * The cases of a long table that a run of the tests tries: all of them in `npm run check:slow`, and every `step`-th in the gate.
 * The file of such a test is named in vitest.slow.config.ts.
 */
export function doseOf<Case>(cases: readonly Case[], step: number): Case[] {
  return process.env.SLOW === '1' ? [...cases] : cases.filter((_, index) => index % step === 0)
}
