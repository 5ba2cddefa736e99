import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { tree } from './bad-tree.ts'

const repository = path.join(import.meta.dirname, '..', '..')

interface Outcome {
  status: number
  lines: string[]
}

/**
 * Runs .ci/run in a tree of its own with an npm that does what a test wants.
 *
 * @param npm - shell commands; `$1` is `ci` or `run`, `$report` is where the tests' report goes
 */
async function ciRun(npm: string, environment: Record<string, string> = {}): Promise<Outcome> {
  const root = await tree({
    '.ci/run': readFileSync(path.join(repository, '.ci/run'), 'utf8'),
    'scripts/guards/closing-line.ts': readFileSync(
      path.join(repository, 'scripts/guards/closing-line.ts'),
      'utf8',
    ),
    'bin/npm': `#!/bin/sh\nreport=$5\n${npm}\n`,
    'bin/npx': `#!/bin/sh\nshift 2\nexec '${process.execPath}' "$@"\n`,
  })
  const bin = path.join(root, 'bin')
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-c', 'chmod +x bin/* && exec bash .ci/run'],
      { cwd: root, env: { PATH: `${bin}:${process.env.PATH ?? ''}`, ...environment } },
      (error, stdout) => {
        const status = error === null ? 0 : Number(error.code)
        resolve({ status, lines: stdout.trimEnd().split('\n') })
      },
    )
  })
}

function report(passed: number, failed: number, skipped = 0): string {
  const json = JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
  })
  return `[ "$1" = ci ] || echo '${json}' > "$report"`
}

describe('the last line and the exit status', () => {
  test.each([
    ['all passes', report(7, 0), '7 passed, 0 failed', 0],
    ['some are skipped', report(7, 0, 2), '7 passed, 0 failed, 2 skipped', 0],
    ['tests fail', `${report(5, 2)}; [ "$1" = ci ]`, '5 passed, 2 failed', 1],
    ['a file of tests cannot be loaded', `${report(5, 0)}; [ "$1" = ci ]`, '5 passed, 1 failed', 1],
    ['a step before the tests fails', `[ "$1" = ci ]`, '0 passed, 1 failed', 1],
    ['the set-up fails', `[ "$1" = run ]`, '0 passed, 1 failed', 1],
    ['the tests wrote no report', `true`, '0 passed, 1 failed', 1],
    ['the report is cut', `[ "$1" = ci ] || echo '{ "numPassed' > "$report"`, '0 passed, 1 failed', 1],
  ])('%s', async (_case, npm, line, status) => {
    const outcome = await ciRun(npm)
    expect(outcome.lines.at(-1)).toBe(line)
    expect(outcome.status === 0).toBe(status === 0)
  })
})

test('set-up and checks see CI, no input, and no settings of whoever runs it', async () => {
  const npm = `echo "$* CI=$CI [$KEYHOLD_PORT$AWS_REGION] $KEYHOLD_VECTORS"; cat; ${report(1, 0)}`
  const { lines } = await ciRun(npm, { KEYHOLD_PORT: '1', AWS_REGION: 'x', KEYHOLD_VECTORS: '/v' })
  expect(lines).toEqual([
    'ci CI=true [] /v',
    expect.stringMatching(/^run check -- --test-report \S+ CI=true \[\] \/v$/),
    '',
    '1 passed, 0 failed',
  ])
})
