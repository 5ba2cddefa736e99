// The man pages of the packages that have commands.
import { PassThrough } from 'node:stream'
import { createProgram } from '../../cli/src/create-program.ts'
import { environmentVariables, exitCodeMeanings } from '../../cli/src/help-epilogue.ts'
import { usage } from '../../server/src/command-usage.ts'
import { manPageOfUsage, manPages, type ManPage } from './man-pages.ts'

/** By the workspace; none where it has no such command. */
export function manPagesOf(workspace: string, version: string): ManPage[] {
  const head = { version, date: dateOfRelease().toISOString().slice(0, 10) }
  if (workspace === 'server')
    return [manPageOfUsage('keyhold-server', 'self-hosted tenant encryption', usage, head)]
  if (workspace !== 'cli') return []
  return manPages(programToDescribe(), {
    ...head,
    environment: environmentVariables,
    exitCodes: exitCodeMeanings,
  })
}

/** Who builds a release again gives the time of the first build, as for every reproducible build. */
function dateOfRelease(): Date {
  const { SOURCE_DATE_EPOCH: seconds = '' } = process.env
  return /^[0-9]{1,11}$/.test(seconds) ? new Date(Number(seconds) * 1_000) : new Date()
}

function programToDescribe() {
  const nothing = { once: () => undefined, off: () => undefined }
  const stream = () => new PassThrough()
  return createProgram({
    ...{ env: {}, cwd: '/', stdin: stream(), stdout: stream(), stderr: stream(), signals: nothing },
  })
}
