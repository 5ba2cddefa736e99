// From an empty folder and an empty npm cache to the first value, by the packages alone.
import { expect, test } from 'vitest'
import { debianPostgresPrograms } from '../../testkit/src/documents/debian-postgres.ts'
import { runFirstValue } from '../src/first-value/run-first-value.ts'

test.skipIf(debianPostgresPrograms() === undefined)(
  "each step succeeds (needs Debian's postgresql)",
  async () => {
    const steps = await runFirstValue(() => undefined)
    expect(steps.map(({ step }) => step)).toEqual([
      'npm install, with an empty cache',
      'keyhold-server root-key create',
      'keyhold-server migrate',
      'keyhold-server serve, until it listens',
      'keyhold-server create-operator-key',
      'keyhold tenant create',
      'keyhold api-key create',
      'keyhold encrypt and decrypt',
      'a program with the SDK',
    ])
  },
)
