// The gate, `npm run check`: from cheap to dear, up to the first failure. Lint takes one core for as long as types, format
// and unused code together take the other, so they share a step. `--test-report FILE` makes the tests write their outcome as JSON. With `--slow`,
// as `npm run check:slow`, it runs instead what takes too long for the gate.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'

export interface Step {
  name: string
  /** Run at the same time; the step fails when one of them does. */
  commands: [program: string, ...args: string[]][]
}

const npmRun = (script: string, ...args: string[]): Step['commands'][number] => [
  ...(['npm', 'run', '--silent', script] as const),
  ...(args.length === 0 ? [] : ['--', ...args]),
]

const slowSteps: Step[] = [
  { name: 'test:slow', commands: [npmRun('test:slow')] },
  ...['races', 'revocation', 'region-down', 'faults'].map((campaign) => ({
    name: campaign,
    commands: [npmRun(campaign)],
  })),
]

function steps(testReport: string | undefined): Step[] {
  const report =
    testReport === undefined
      ? []
      : ['--reporter=default', '--reporter=json', `--outputFile.json=${testReport}`]
  return [
    { name: 'layers', commands: [npmRun('layers')] },
    { name: 'docs:check', commands: [npmRun('docs:check')] },
    {
      name: 'lint + typecheck + format:check + unused',
      commands: ['lint', 'typecheck', 'format:check', 'unused'].map((script) => npmRun(script)),
    },
    { name: 'test', commands: [npmRun('test', ...report)] },
  ]
}

/** Runs the steps one after the other, up to the first that fails; answers its name, or undefined. */
export async function runSteps(
  steps: readonly Step[],
  cwd: string,
  say: (line: string) => void,
): Promise<string | undefined> {
  for (const { name, commands } of steps) {
    say(`check: ${name} …`)
    const startMs = performance.now()
    const outcomes = await Promise.all(commands.map((command) => run(command, cwd)))
    const failed = outcomes.includes(false)
    say(
      `check: ${name} ${failed ? 'FAILED' : 'passed'} in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`,
    )
    if (failed) return name
  }
  return undefined
}

function run([program, ...args]: Step['commands'][number], cwd: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: 'inherit' })
    child.on('error', (error) => {
      console.error(error.message)
      resolve(false)
    })
    child.on('exit', (code) => {
      resolve(code === 0)
    })
  })
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { 'test-report': { type: 'string' }, slow: { type: 'boolean', default: false } },
  })
  const root = path.join(import.meta.dirname, '../..')
  const failed = await runSteps(values.slow ? slowSteps : steps(values['test-report']), root, console.log)
  if (failed !== undefined) process.exitCode = 1
}
