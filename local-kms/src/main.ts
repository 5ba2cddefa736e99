#!/usr/bin/env node
// The command: a local KMS that runs until a signal stops it.
import { parseArgs } from 'node:util'
import { startLocalKms } from './start-local-kms.ts'

const usage = `Usage: local-kms --port N --data-dir D [--principals F]

  --port N        where to listen on 127.0.0.1 (0: any free port)
  --data-dir D    where keys are kept across restarts
  --principals F  a JSON file of principals besides the account administrators
`

const options = readOptions()
try {
  const kms = await startLocalKms({ ...options, log: say })
  // The handlers are there before the first line is out: a process that waits for the line may stop this one at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void kms.close()
    })
  }
  say(banner(kms.url, options.dataDir))
} catch (error) {
  process.stderr.write(`local-kms: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string' },
        'data-dir': { type: 'string' },
        principals: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) {
      process.stdout.write(usage)
      process.exit(0)
    }
    const { port, 'data-dir': dataDir, principals } = values
    if (port === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
      throw new Error('--port expected a number from 0 to 65535')
    }
    if (dataDir === undefined || dataDir === '') throw new Error('--data-dir expected a folder')
    return {
      port: Number(port),
      dataDir,
      ...(principals === undefined ? {} : { principalsFile: principals }),
    }
  } catch (error) {
    process.stderr.write(`local-kms: ${error instanceof Error ? error.message : ''}\n\n${usage}`)
    process.exit(2)
  }
}

function banner(url: string, dataDir: string): string {
  return `local-kms: an AWS KMS for development and tests ONLY. Never keep production keys in it.

  endpoint     ${url}
  keys         ${dataDir}
  credentials  access key: a 12-digit account id, or "test" for 123456789012; secret: "test"

  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws --endpoint-url ${url} --region eu-west-1 kms list-keys
`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
