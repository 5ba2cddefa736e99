// Runs the real command in a process of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const main = join(import.meta.dirname, '../src/main.ts')

interface Outcome {
  stdout: string
  stderr: string
  /** The exit code; 128 and the signal's number are not made up here, a signal is `null`. */
  exit: number | null
}

export interface Running {
  child: ChildProcess
  outcome: Promise<Outcome>
}

/** @param stdin - all of standard input; null leaves it open */
export function startKeyhold(
  args: string[],
  env: Record<string, string> = {},
  stdin: string | null = '',
  cwd = tmpdir(),
): Running {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    // Nothing of this process's environment: a sourced dev.env must not change a test. The cache is for speed.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'keyhold-cli-test-compile-cache'), ...env },
  })
  child.stdin.on('error', () => undefined)
  if (stdin !== null) child.stdin.end(stdin)
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  const outcome = Promise.all([text(child.stdout), text(child.stderr), closed]).then(
    ([stdout, stderr, exit]) => ({ stdout, stderr, exit }),
  )
  return { child, outcome }
}
