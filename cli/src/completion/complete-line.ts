// Candidates for the place of the cursor.
import type { Argument, Command, Option } from 'commander'
import { printable } from '../output/printable.ts'
import { cutTo } from '../output/width.ts'
import type { Shell } from '../shell.ts'
import { findPlace, type Place } from './find-place.ts'
import { knownValues, type Candidate, type ValueKind } from './known-values.ts'

export interface Completion {
  candidates: Candidate[]
  /** Stands before the value in its word: `--context=`. */
  prefix: string
  /** Whether names of files fit as well. */
  takesFiles: boolean
}

const aboutWidth = 72
// Nothing in it needs a quote in any shell, or parts a word in bash.
const plainValue = /^[A-Za-z0-9._/+-]+$/

/** @param words - those behind `keyhold`; the last one is under the cursor */
export async function completeLine(
  program: Command,
  words: readonly string[],
  shell: Shell,
): Promise<Completion> {
  const place = findPlace(program, words)
  const { candidates, takesFiles } = await possibilities(place, shell)
  return {
    candidates: candidates
      .filter(({ value }) => value.startsWith(place.begun) && plainValue.test(value))
      .map(({ value, about = '' }) => ({ value, about: cutTo(printable(about), aboutWidth) })),
    prefix: place.prefix,
    takesFiles,
  }
}

async function possibilities(place: Place, shell: Shell): Promise<Omit<Completion, 'prefix'>> {
  const { command, expects, given } = place
  switch (expects.kind) {
    case 'flags':
      return { candidates: flagsOf(command), takesFiles: false }
    case 'commands':
      return {
        candidates: command
          .createHelp()
          .visibleCommands(command)
          .map((each) => ({ value: each.name(), about: each.description() })),
        takesFiles: false,
      }
    case 'option':
      return valuesFor(expects.option, kindOfOption(expects.option), given, shell)
    case 'argument':
      return valuesFor(expects.argument, kindOfArgument(command, expects.argument), given, shell)
  }
}

async function valuesFor(
  declared: Option | Argument | undefined,
  kind: ValueKind | 'file' | undefined,
  given: Place['given'],
  shell: Shell,
): Promise<Omit<Completion, 'prefix'>> {
  if (kind === 'file') return { candidates: [], takesFiles: true }
  const candidates = declared?.argChoices?.map((value) => ({ value })) ?? []
  if (kind === undefined) return { candidates, takesFiles: false }
  // A token must not go to a server that is still being typed.
  if (kind !== 'context' && given.has('server')) return { candidates, takesFiles: false }
  const context = given.get('context')
  const isName = context !== undefined && !context.includes('=')
  return { candidates: await knownValues(kind, shell, isName ? context : undefined), takesFiles: false }
}

function flagsOf(command: Command): Candidate[] {
  const help = command.createHelp()
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)]
  const found = new Map(
    options.flatMap(({ long, description }) => (long ? [[long, description] as const] : [])).toReversed(),
  )
  return [...found].toReversed().map(([value, about]) => ({ value, about }))
}

function kindOfOption({ long, flags }: Option): ValueKind | 'file' | undefined {
  if (long === '--context') return 'context'
  if (long === '--tenant') return 'tenant'
  return flags.includes('<path>') ? 'file' : undefined
}

function kindOfArgument(command: Command, argument: Argument | undefined): ValueKind | 'file' | undefined {
  const name = argument?.name()
  if (name === 'fingerprint') return 'key-provider'
  if (name === 'file') return 'file'
  const group = command.parent?.name()
  if (name === 'id' && group === 'tenant') return 'tenant'
  return name === 'name' && group === 'context' && command.name() !== 'create' ? 'context' : undefined
}
