#!/usr/bin/env node
// The command `keyhold`: runs one command line and ends with its exit code.
import { runCommandLine } from './run-command-line.ts'

// Whoever reads the output may stop early, as `head` does; that is no failure and nothing to talk about.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

process.exitCode = await runCommandLine(process.argv.slice(2))
