// The options of the experiment that runs. `--help` and mistakes end the process here, before
// anything is started: an experiment imports the rest of its code afterwards.
import type { ExperimentName } from '../experiments.ts'
import { parseOptions, type OptionTable, type Values } from './parse-options.ts'

/** Answers the values of this process's options; ends with 0 after `--help`, with 2 after a mistake. */
export function readOptions<Table extends OptionTable>(
  experiment: ExperimentName,
  table: Table,
): Values<Table> {
  const parsed = parseOptions(experiment, table, process.argv.slice(2))
  if ('values' in parsed) return parsed.values
  const output = parsed.exitCode === 0 ? process.stdout : process.stderr
  output.write(parsed.text)
  process.exit(parsed.exitCode)
}
