import { expect, test } from 'vitest'
import { runSteps, type Step } from '../guards/check.ts'
import { tree } from './bad-tree.ts'

const node = (code: string): Step['commands'][number] => [process.execPath, '-e', code]

async function run(...steps: Step[]): Promise<{ failed: string | undefined; lines: string[] }> {
  const lines: string[] = []
  const failed = await runSteps(steps, await tree({}), (line) => lines.push(line))
  return { failed, lines }
}

test('every step runs, and each says how long it took', async () => {
  const { failed, lines } = await run(
    { name: 'one', commands: [node('')] },
    { name: 'two', commands: [node(''), node('')] },
  )
  expect(failed).toBeUndefined()
  expect(lines).toEqual([
    'check: one …',
    expect.stringMatching(/^check: one passed in \d+\.\d s$/),
    'check: two …',
    expect.stringMatching(/^check: two passed in \d+\.\d s$/),
  ])
})

test.each([
  ['exits with another status than 0', [node('process.exit(3)')]],
  ['fails beside one that passes', [node(''), node('process.exit(1)')]],
  ['is killed', [node("process.kill(process.pid, 'SIGKILL')")]],
  ['does not exist', [['keyhold-no-such-program'] as Step['commands'][number]]],
])('nothing runs after a step that %s', async (_case, commands) => {
  const { failed, lines } = await run({ name: 'bad', commands }, { name: 'next', commands: [node('')] })
  expect(failed).toBe('bad')
  expect(lines).toEqual(['check: bad …', expect.stringMatching(/^check: bad FAILED in /)])
})
