#!/usr/bin/env node
// The command `keyhold`: runs one command line and ends with its exit code.
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

const exitCode = await runCommandLine(process.argv.slice(2), {
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
// Nothing ends the read of a named pipe whose writer is silent, and the process would stay for it. Shells show the end
// by a signal as 130, too.
if (exitCode === exitCodes.interrupted) setTimeout(() => process.kill(process.pid, 'SIGINT'), 500).unref()
