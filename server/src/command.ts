#!/usr/bin/env node
// The command `keyhold-server` as a process: its streams, its exit code, and the signals that stop the server.
import type { Server } from './main.ts'
import { runCommand } from './run-command.ts'

const forcedExitMs = 9_000

function stopAtSignals(server: Server): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // A database that does not answer must not keep the process alive.
      setTimeout(() => process.exit(1), forcedExitMs).unref()
      server.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
}

const exitCode = await runCommand(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  onServing: stopAtSignals,
})
if (exitCode !== undefined) process.exit(exitCode)
