// `npm run lab cores`: see docs/performance.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer, names } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import { operations } from './operations.ts'

const options = readOptions('cores', {
  replicas: integer('how many share the port of the other server', { min: 2, max: 64, default: 2 }),
  rounds: integer('how often each server gets each load, by turns', { min: 1, default: 6 }),
  seconds: integer('how long a load lasts', { min: 1, default: 8 }),
  connections: integer('how many connections send it', { min: 2, default: 64 }),
  operation: names('what is sent', Object.keys(operations)),
  json: flag('prints the last line alone, a JSON object'),
})
const { runCores } = await import('./run-cores.ts')
const { print, say, finish } = createOutput(options.json)
const { problems, ...result } = await runCores({ ...options, print, say })
finish(result, problems)
