// The tests of `npm run check:slow`: those that the gate leaves out, and larger doses of some that it runs.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { defineConfig } from 'vitest/config'

/** The files of which the gate runs a part. */
function filesWithDoses(): string[] {
  const root = import.meta.dirname
  const files = globSync('*/test/**/*.test.ts', { cwd: root, exclude: ['node_modules/**'] })
  return files.filter((file) => readFileSync(path.join(root, file), 'utf8').includes("/dose-of.ts'"))
}

export default defineConfig({
  test: {
    include: [
      '*/test/**/*.slow.test.ts',
      ...filesWithDoses(),
      // They count their runs by `SLOW`.
      'server/test/model/*.test.ts',
      'server/test/issuers/issuer-keys.test.ts',
      'server/test/keyring/data-key-age.test.ts',
      'scripts/test/npm-start.test.ts',
      'client/test/packed/*.test.ts',
    ],
    env: { SLOW: '1' },
    globalSetup: ['testkit/src/database/warm-start.ts'],
    // Large doses, and a machine that may have other work: a test that hangs is to be found, a slow one is not at fault.
    testTimeout: 300_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 3,
    reporters: ['default'],
  },
})
