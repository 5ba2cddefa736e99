// A Python for tests that let programs in another language check ours: `python3` of PATH, or the one that PYTHON names.
import { execFileSync } from 'node:child_process'

const python = process.env.PYTHON ?? 'python3'

/** Whether there is one, from version 3.9 on, with these modules. */
export function hasPython(...modules: readonly string[]): boolean {
  const look = ['import sys; assert sys.version_info >= (3, 9)', ...modules.map((name) => `import ${name}`)]
  try {
    execFileSync(python, ['-c', look.join('; ')], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Answers what it has printed. @throws Error with what it has printed as errors, unless it ends with 0 */
export function runPython(...args: readonly string[]): string {
  return execFileSync(python, args, { encoding: 'utf8', stdio: 'pipe' })
}
