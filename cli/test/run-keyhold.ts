// Runs command lines: in this process, which is quick, or in a process of their own.
import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runCommandLine } from '../src/run-command-line.ts'

export const main = join(import.meta.dirname, '../src/main.ts')

interface Outcome {
  stdout: string
  stderr: string
  /** Null for a process that a signal ended. */
  exit: number | null
}

interface Place {
  env?: Record<string, string>
  /** All of standard input. Null leaves it open. */
  stdin?: string | null
  cwd?: string
  /** Whether the streams are a terminal. Only in this process. */
  isTTY?: boolean
}

/** A command line in this process, and a way to interrupt it. */
export function runKeyhold(
  args: readonly string[],
  { env = {}, stdin = '', cwd = tmpdir(), isTTY = false }: Place = {},
): { outcome: Promise<Outcome>; signals: EventEmitter } {
  const signals = new EventEmitter()
  const stdout = Object.assign(new Memory(), { isTTY })
  const stderr = Object.assign(new Memory(), { isTTY })
  const open = stdin === null ? new Readable({ read: () => undefined }) : Readable.from([Buffer.from(stdin)])
  const input = Object.assign(open, { isTTY })
  const outcome = runCommandLine(args, { env: { ...env }, cwd, stdin: input, stdout, stderr, signals }).then(
    (exit) => ({ stdout: stdout.text(), stderr: stderr.text(), exit }),
  )
  return { outcome, signals }
}

/** A command line in this process, and what it came to. */
export function keyhold(args: readonly string[], place?: Place): Promise<Outcome> {
  return runKeyhold(args, place).outcome
}

/** The real command in a process of its own. */
export function startKeyhold(
  args: readonly string[],
  { env = {}, stdin = '', cwd = tmpdir() }: Place = {},
): { child: ChildProcess; outcome: Promise<Outcome> } {
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

class Memory extends Writable {
  readonly #pieces: Buffer[] = []

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.#pieces.push(piece)
    done()
  }

  text(): string {
    return Buffer.concat(this.#pieces).toString()
  }
}
