import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The longest files, which wait for processes more than they work: begun last, they would run alone at the end.
const long = [
  'server/test/health/causes',
  'lab/test/',
  'server/test/migration/',
  'cli/test/scripts.',
  'server/test/postgres/',
  'scripts/test/npm-',
  'server/',
]

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = long.findIndex((part) => moduleId.includes(`/${part}`))
  return place < 0 ? long.length : place
}

export default defineConfig({
  test: {
    include: ['*/test/**/*.test.ts'],
    globalSetup: ['testkit/src/warm-start.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Much of the time a test waits, for a probe or a process. On two cores a third worker takes a quarter of the time off;
    // a fourth one only makes PostgreSQL and local-kms wait for each other.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    reporters: ['default'],
  },
})
