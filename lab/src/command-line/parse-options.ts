// Reads the arguments of an experiment by a table of its options, and writes its usage from the same table.
import { parseArgs } from 'node:util'
import { experiments, type ExperimentName } from '../experiments.ts'
import { flag, type Option } from './option.ts'

export type OptionTable = Readonly<Record<string, Option<unknown>>>

export type Values<Table extends OptionTable> = {
  [Name in keyof Table]: Table[Name] extends Option<infer Value> ? Value : never
}

/** The values; or the text to print instead of running, and the exit code. */
export type ParsedOptions<Table extends OptionTable> =
  | { values: Values<Table> }
  | { text: string; exitCode: 0 | 2 }

export function parseOptions<Table extends OptionTable>(
  experiment: ExperimentName,
  table: Table,
  args: readonly string[],
): ParsedOptions<Table> {
  const withHelp = { ...table, help: flag('shows this text') }
  const usage = usageOf(experiment, withHelp)
  let given: Readonly<Record<string, (string | boolean)[] | undefined>>
  try {
    given = parseGiven(withHelp, args)
  } catch (error) {
    return { text: `${sentenceOf(error)}\n\n${usage}`, exitCode: 2 }
  }
  if (given.help !== undefined) return { text: usage, exitCode: 0 }
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    try {
      values[name] = option.read((given[name] ?? []).map(String))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return { text: `--${name} ${error.message}\n\n${usage}`, exitCode: 2 }
    }
  }
  return { values: values as Values<Table> }
}

function parseGiven(table: OptionTable, args: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { placeholder }]) => [
      name,
      {
        type: placeholder === undefined ? ('boolean' as const) : ('string' as const),
        multiple: true as const,
        ...(name === 'help' && { short: 'h' }),
      },
    ]),
  )
  return parseArgs({ args: [...args], options }).values
}

// Node adds advice behind the first sentence.
function sentenceOf(error: unknown): string {
  const isAboutArguments =
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
  if (!isAboutArguments) throw error
  return error.message.split(/\.\s/, 1)[0] ?? ''
}

function usageOf(experiment: ExperimentName, table: OptionTable): string {
  const rows = Object.entries(table).map(([name, { placeholder, help }]) => ({
    option: placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`,
    help,
  }))
  const width = Math.max(...rows.map(({ option }) => option.length))
  const lines = rows.map(({ option, help }) => `  ${option.padEnd(width)}  ${help}\n`)
  return `Usage: npm run lab ${experiment} -- [options]\n\n${experiments[experiment]}\n\n${lines.join('')}`
}
