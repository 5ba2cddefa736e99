// `npm run lab first-value`: see docs/deployment.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('first-value', { json: flag('prints the last line alone, a JSON object') })
const { runFirstValue } = await import('./run-first-value.ts')
const { say, print, finish } = createOutput(options.json)
const steps = await runFirstValue(say)
for (const { step, seconds } of steps) print(`${seconds.toFixed(1).padStart(6)} s  ${step}`)
const seconds = steps.reduce((sum, each) => sum + each.seconds, 0)
finish({ seconds: Number(seconds.toFixed(1)), steps }, [])
