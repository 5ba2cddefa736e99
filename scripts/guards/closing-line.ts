// The last line of .ci/run: `N passed, N failed`, and `N skipped` where there are some, from the report of the tests
// and the exit status of the whole. A failure outside the tests is one more failed: nothing that failed may read as 0.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

interface Counts {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
}

/**
 * Makes the line.
 *
 * @param reportFile - the JSON report of the tests; missing where they were not reached
 * @param status - the exit status of everything before
 */
export function closingLine(reportFile: string, status: number): string {
  const counts = readCounts(reportFile)
  const passed = counts?.numPassedTests ?? 0
  const inTests = counts?.numFailedTests ?? 0
  const failed = inTests === 0 && (status !== 0 || counts === undefined) ? 1 : inTests
  const skipped = (counts?.numPendingTests ?? 0) + (counts?.numTodoTests ?? 0)
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
}

function readCounts(file: string): Counts | undefined {
  try {
    const counts = JSON.parse(readFileSync(file, 'utf8')) as Partial<Counts>
    const { numPassedTests, numFailedTests, numPendingTests = 0, numTodoTests = 0 } = counts
    if (!Number.isInteger(numPassedTests) || !Number.isInteger(numFailedTests)) return undefined
    return { numPassedTests, numFailedTests, numPendingTests, numTodoTests } as Counts
  } catch {
    return undefined
  }
}

if (import.meta.main) {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [reportFile = '', status = '1'] = positionals
  console.log(closingLine(reportFile, Number(status)))
}
