// `npm run lab <experiment> -- [options]`: one command for all experiments. Each one has options of its own, which
// `npm run lab <experiment> -- --help` shows.
import { experiments } from './experiments.ts'

const [name = ''] = process.argv.splice(2, 1)
if (Object.hasOwn(experiments, name)) {
  await import(`./${name}/main.ts`)
} else {
  const isAsked = name === '--help' || name === '-h'
  const problem = isAsked || name === '' ? '' : `there is no experiment ${name}\n\n`
  const lines = Object.entries(experiments).map(([each, does]) => `  ${each.padEnd(15)} ${does}\n`)
  const usage = `Usage: npm run lab <experiment> -- [options]\n\n${lines.join('')}`
  const output = isAsked ? process.stdout : process.stderr
  output.write(problem + usage)
  process.exitCode = isAsked ? 0 : 2
}
