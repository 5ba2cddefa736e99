// The pages from which people copy have no sample that nobody runs.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { samplesOf, valueOf } from '../../testkit/src/documents/page-samples.ts'

const root = path.join(import.meta.dirname, '../..')

test.each(['README.md', 'docs/start.md', 'docs/tutorial.md', 'docs/production.md'])(
  'each command of %s runs in a test',
  (page) => {
    const samples = samplesOf(path.join(root, page))
    const commands = samples.filter(({ language }) => language === 'sh')
    expect(commands.length).toBeGreaterThan(2)
    for (const sample of commands) {
      const testedBy = valueOf(sample, 'tested-by')
      const isTested =
        sample.mark === 'run' || (testedBy !== undefined && existsSync(path.join(root, testedBy)))
      expect(isTested, `line ${sample.line}`).toBe(true)
    }
  },
)
