#!/usr/bin/env node
// The command: a local KMS until it is told to stop.
import { parseArgs } from 'node:util'
import { startLocalKms } from './start-local-kms.ts'

const USAGE = `Usage: npm run local-kms -- --port N --data-dir D [--principals F]

  --port N        where to listen on 127.0.0.1 (0: any free port)
  --data-dir D    where keys are kept across restarts
  --principals F  a JSON file of principals besides the account administrators
`

const options = readOptions()
try {
  const kms = await startLocalKms({ ...options, log: say })
  // Before the first line is out: whoever waits for it may stop the process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void kms.close()
    })
  }
  say(`local-kms: an AWS KMS for development and tests ONLY. Never keep production keys in it.

  endpoint     ${kms.url}
  keys         ${options.dataDir}
  credentials  access key: a 12-digit account id, or "test" for 123456789012; secret: "test"

  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws --endpoint-url ${kms.url} --region eu-west-1 kms list-keys
`)
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
      process.stdout.write(USAGE)
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
    process.stderr.write(`local-kms: ${error instanceof Error ? error.message : ''}\n\n${USAGE}`)
    process.exit(2)
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
