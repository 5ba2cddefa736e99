// The gate, `npm run check`: first what takes seconds, then everything else side by side, since the tests wait for much
// of their time and leave the cores to lint and types. `--test-report FILE` makes the tests write their outcome as
// JSON. With `--slow`, as `npm run check:slow`, it runs instead what takes too long for the gate.
import { spawn } from 'node:child_process'
import { getPriority, setPriority } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'

export interface Check {
  name: string
  command: [program: string, ...args: string[]]
  /** It gives way to the others, and its output comes at once when it ends. */
  inBackground?: true
}

/** They run at the same time, each to its end. */
export type Step = readonly Check[]

// By how much it is below that of the tests, which wait for what must happen soon. With 4 it gets a sixth of two cores that four
// workers keep busy, so that it ends before they do; with 10 it would get a twentieth.
const stepsDown = 4
const lowestPriority = 19

function npmRun(script: string, ...args: string[]): Check {
  return {
    name: script,
    command: ['npm', 'run', '--silent', script, ...(args.length === 0 ? [] : ['--', ...args])],
  }
}

// Time decides about revocations and about a region that is down, so each of these has the machine for itself. Faults and forged
// rows are drawn anew each time. A whole campaign of them takes hours: CONTRIBUTING.md says when.
const slowSteps: Step[] = [
  ...['typecheck', 'test:slow', 'races', 'revocation', 'region-down'].map((script) => [npmRun(script)]),
  [npmRun('faults', '--kills', '300'), npmRun('forge', '--quick')],
]

function steps(testReport: string | undefined): Step[] {
  const report =
    testReport === undefined
      ? []
      : ['--reporter=default', '--reporter=json', `--outputFile.json=${testReport}`]
  return [
    ['format:check', 'layers', 'docs:check'].map((script) => npmRun(script)),
    [
      ...['lint', 'unused'].map((script) => ({
        ...npmRun(script),
        inBackground: true as const,
      })),
      npmRun('test', ...report),
    ],
  ]
}

/** Runs the steps one after the other, up to the first in which a check fails; answers the names of those that failed. */
export async function runSteps(
  steps: readonly Step[],
  cwd: string,
  say: (line: string) => void,
): Promise<string[]> {
  for (const step of steps) {
    say(`check: ${step.map(({ name }) => name).join(' + ')} …`)
    const outcomes = await Promise.all(step.map((check) => run(check, cwd, say)))
    const failed = step.filter((_, index) => outcomes[index] === false).map(({ name }) => name)
    if (failed.length > 0) {
      say(`check: FAILED: ${failed.join(', ')}`)
      return failed
    }
  }
  return []
}

async function run(check: Check, cwd: string, say: (line: string) => void): Promise<boolean> {
  const startMs = performance.now()
  const { hasPassed, output } = await (check.inBackground === true ? runInBackground : runInView)(check, cwd)
  if (output !== '') say(output.trimEnd())
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
  say(`check: ${check.name} ${hasPassed ? 'passed' : 'FAILED'} in ${seconds} s`)
  return hasPassed
}

interface Outcome {
  hasPassed: boolean
  output: string
}

function runInView({ command: [program, ...args] }: Check, cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: 'inherit' })
    child.on('error', (error) => {
      resolve({ hasPassed: false, output: error.message })
    })
    child.on('exit', (code) => {
      resolve({ hasPassed: code === 0, output: '' })
    })
  })
}

async function runInBackground({ command: [program, ...args] }: Check, cwd: string): Promise<Outcome> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const started = new Promise<string>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message)
    })
    child.on('spawn', () => {
      // The processes that it starts inherit the priority.
      if (child.pid !== undefined) setPriority(child.pid, Math.min(lowestPriority, getPriority() + stepsDown))
      resolve('')
    })
  })
  const ended = new Promise<boolean>((resolve) => {
    child.on('close', (code) => {
      resolve(code === 0)
    })
  })
  const [problem, ...outputs] = await Promise.all([started, text(child.stdout), text(child.stderr)])
  return { hasPassed: problem === '' && (await ended), output: [...outputs, problem].join('') }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { 'test-report': { type: 'string' }, slow: { type: 'boolean', default: false } },
  })
  const root = path.join(import.meta.dirname, '../..')
  const failed = await runSteps(values.slow ? slowSteps : steps(values['test-report']), root, console.log)
  if (failed.length > 0) process.exitCode = 1
}
