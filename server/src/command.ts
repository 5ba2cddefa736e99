#!/usr/bin/env node
// The command `keyhold-server` as a process: its streams, its exit code, and the signals that stop the server.
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { runCommand } from './run-command.ts'
import { stopAtSignals } from './stop-at-signals.ts'

const onServing = stopAtSignals({
  onSignal: (signal, listener) => process.on(signal, listener),
  exit: (code) => process.exit(code),
  forcedExitMs: 9_000,
  sameSignalMs: 500,
})
const exitCode = await runCommand(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  onServing,
  readInput: () => text(process.stdin),
  async ask(question) {
    if (!process.stdin.isTTY) return undefined
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await terminal.question(question)
    } finally {
      terminal.close()
    }
  },
})
if (exitCode !== undefined) process.exit(exitCode)
