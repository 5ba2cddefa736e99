import { getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { runSteps, type Check, type Step } from '../guards/check.ts'
import { tree } from './bad-tree.ts'

const node = (name: string, code: string): Check => ({ name, command: [process.execPath, '-e', code] })
const inBackground = (check: Check): Check => ({ ...check, inBackground: true })

async function run(...steps: Step[]): Promise<{ failed: string[]; lines: string[] }> {
  const lines: string[] = []
  const failed = await runSteps(steps, await tree({}), (line) => lines.push(line))
  return { failed, lines }
}

test('every step runs, and each check says how long it took', async () => {
  const { failed, lines } = await run(
    [node('one', '')],
    [node('two', ''), inBackground(node('three', 'console.log("seen"); console.error("too")'))],
  )
  expect(failed).toEqual([])
  expect(lines.slice(0, 3)).toEqual([
    'check: one …',
    expect.stringMatching(/^check: one passed in \d+\.\d s$/),
    'check: two + three …',
  ])
  expect(lines.slice(3).toSorted()).toEqual([
    expect.stringMatching(/^check: three passed in \d+\.\d s$/),
    expect.stringMatching(/^check: two passed in \d+\.\d s$/),
    'seen\ntoo',
  ])
})

test('what gives way to others has a lower priority, and so has all that it starts', async () => {
  const code = `const { execFileSync } = require('node:child_process')
    process.stdout.write(execFileSync(process.execPath, ['-p', 'os.getPriority()']))`
  const { lines } = await run([inBackground(node('child', `setTimeout(() => { ${code} }, 100)`))])
  expect(lines).toContain(String(getPriority() + 4))
})

test.each([
  ['exits with another status than 0', node('bad', 'process.exit(3)')],
  ['is killed', node('bad', "process.kill(process.pid, 'SIGKILL')")],
  ['does not exist', { name: 'bad', command: ['keyhold-no-such-program'] } satisfies Check],
])('nothing runs after a check that %s, and those beside it end', async (_case, bad) => {
  for (const check of [bad, inBackground(bad)]) {
    const { failed, lines } = await run([node('good', ''), check], [node('next', '')])
    expect(failed).toEqual(['bad'])
    expect(lines).toContainEqual(expect.stringMatching(/^check: good passed in /))
    expect(lines).toContainEqual(expect.stringMatching(/^check: bad FAILED in /))
    expect(lines.at(-1)).toBe('check: FAILED: bad')
  }
})
