// An option that a command does not know ends it before it does anything.
import { expect, test } from 'vitest'
import { unknownOptions } from '../../src/command-options.ts'
import { runCommand } from '../../src/run-command.ts'

test.each([
  ['serve --yes', 'yes'],
  ['doctor --integrity --yes', 'yes'],
  ['signing-key rotate --from x', 'from'],
  ['integrity rotate --yes', 'yes'],
  ['issuer check --now', 'now'],
  ['issuer export x --yes', 'yes'],
  ['create-operator-key --serve-role x', 'serve-role'],
  ['unused-api-keys --name x', 'name'],
])('%s', async (line, option) => {
  let stderr = ''
  const exitCode = await runCommand(line.split(' '), {
    // Nothing is read before.
    environment: { KEYHOLD_PORT: 'eighty' },
    stdout: () => expect.fail(),
    stderr: (text) => (stderr += text),
    onServing: () => expect.fail(),
  })
  expect(exitCode).toBe(2)
  expect(stderr).toContain(`has no option --${option}.\nUsage: keyhold-server`)
})

test.each([
  ['migrate', ['serve-role']],
  ['create-operator-key', ['name', 'expires-in']],
  ['unused-api-keys', ['days']],
  ['doctor', ['integrity']],
  ['doctor', ['integrity', 'accept', 'yes']],
  ['signing-key rotate', ['yes']],
  ['issuer rotate', ['now', 'yes']],
  ['confirm-restore', ['yes', 'from', 'from']],
  ['integrity adopt', ['yes', 'output']],
  ['integrity rotate', ['at-once']],
])('%s knows its own: %s', (command, options) => {
  expect(unknownOptions(command, options)).toEqual([])
})
