#!/usr/bin/env node
// The command `keyhold`: runs one command line and ends with its exit code.
import { exitCodes } from './errors/exit-codes.ts'
import { runCommandLine } from './run-command-line.ts'

// Whoever reads the output may stop early, as `head` does; that is no failure and nothing to talk about.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

const exitCode = await runCommandLine(process.argv.slice(2))
process.exitCode = exitCode
// A read of a silent named pipe cannot be ended: the process would stay for it. Shells tell this as 130, too.
if (exitCode === exitCodes.interrupted) setTimeout(() => process.kill(process.pid, 'SIGINT'), 500).unref()
