// The command refuses wrong options with its usage.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const mainFile = join(import.meta.dirname, '../src/main.ts')

test.concurrent.each([
  ['no port', ['--data-dir', 'x']],
  ['no folder', ['--port', '0']],
  ['a bad port', ['--port', '99999', '--data-dir', 'x']],
  ['an unknown flag', ['--port', '0', '--data-dir', 'x', '--host', '0.0.0.0']],
])('the command refuses %s with its usage', async (_, args) => {
  const child = spawn(process.execPath, [mainFile, ...args])
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  expect(await once(child, 'exit')).toStrictEqual([2, null])
  expect(errors).toContain('Usage: local-kms --port N --data-dir D')
})
