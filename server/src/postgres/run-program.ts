// Runs one of PostgreSQL's short-lived programs to its end and keeps its output.

import { spawnAs, type Account } from './account.ts'

/** The exit status of a program, or the signal that ended it, and everything that it printed. */
export interface ProgramResult {
  status: number | string
  output: string
}

/** Runs a program as `account`. Rejects when the program cannot be started at all. */
export function runProgram(
  account: Account,
  file: string,
  programArguments: readonly string[],
  input = '',
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawnAs(account, file, programArguments, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    // A program that ends before it has read its input is judged by its status, not by our broken pipe.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ status: code ?? signal ?? 'unknown', output: output.trim() })
    })
  })
}
