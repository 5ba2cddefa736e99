#!/usr/bin/env node
// The command `keyhold`: runs one command line and ends with its exit code.
import { completeCommand } from './completion/answer-shell.ts'
import { processEnvironment } from './environment.ts'
import { exitCodes } from './errors/exit-codes.ts'
import { runCommandLine } from './run-command-line.ts'

// A reader may stop early, as `head` does. That is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

const args = process.argv.slice(2)
const exitCode = await runCommandLine(args, {
  env: processEnvironment(),
  // Read only where it is needed: standard input may be closed, and the folder may be gone.
  get cwd() {
    return process.cwd()
  },
  get stdin() {
    return process.stdin
  },
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
})
process.exitCode = exitCode
// Nobody who presses a key waits for a name server that does not answer, which nothing else ends.
if (args[0] === completeCommand) process.stdout.write('', () => process.exit())
// Nothing ends the read of a named pipe whose writer is silent, and the process would stay for it. Shells show the end
// by a signal as 130, too.
if (exitCode === exitCodes.interrupted) setTimeout(() => process.kill(process.pid, 'SIGINT'), 500).unref()
