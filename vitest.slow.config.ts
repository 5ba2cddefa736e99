// The tests of `npm run check:slow`: those that the gate leaves out, and larger doses of some that it runs.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      '*/test/**/*.slow.test.ts',
      'server/test/model/*.test.ts',
      'server/test/audit/killed-steps.test.ts',
      'server/test/issuers/issuer-keys.test.ts',
      'server/test/integrity/adopt.test.ts',
      'server/test/keyring/{data-key-age,integrity}.test.ts',
      'server/test/kms/sealed.test.ts',
      'server/test/untrusted-database/older-database.test.ts',
      'server/test/health/causes.test.ts',
      'server/test/migration/{cancel,forged-failures,forged-key-jobs}.test.ts',
      'scripts/test/npm-start.test.ts',
      'client/test/packed/*.test.ts',
      'client/test/tampering.test.ts',
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
