// keyhold help, with the words of any command.
import { expect, test } from 'vitest'
import { keyhold } from '../run-keyhold.ts'

test.each(['', 'keyprovider', 'keyprovider migrate', 'encryption keyprovider get', 'tenant list'])(
  'help %s is what --help says',
  async (path) => {
    const words = path.split(' ').filter(Boolean)
    const asked = await keyhold(['help', ...words])
    expect(asked).toEqual(await keyhold([...words, '--help']))
    expect(asked.exit).toBe(0)
  },
)

test('a command that is not there is named', async () => {
  const { stderr, exit } = await keyhold(['help', 'keyprovider', 'fly'])
  expect(stderr).toContain('there is no command fly in keyprovider')
  expect(exit).toBe(2)
})
