// Where on a command line the cursor is: behind which command, at the value of which option, at which argument.
import type { Argument, Command, Option } from 'commander'

export interface Place {
  command: Command
  /** The part of the word under the cursor that stands before the value: `--context=`. */
  prefix: string
  /** The part of the value that is there. */
  begun: string
  expects:
    | { kind: 'option'; option: Option }
    | { kind: 'flags' }
    | { kind: 'commands' }
    | { kind: 'argument'; argument: Argument | undefined }
  /** Values of the options that stand before. */
  given: ReadonlyMap<string, string>
}

/** @param words - those behind `keyhold`; the last one is under the cursor */
export function findPlace(program: Command, words: readonly string[]): Place {
  const current = words.at(-1) ?? ''
  const given = new Map<string, string>()
  let command = program
  let argumentsBefore = 0
  let open: Option | undefined
  let isLiteral = false
  for (const word of words.slice(0, -1)) {
    if (open !== undefined) {
      given.set(open.name(), word)
      open = undefined
    } else if (!isLiteral && word === '--') isLiteral = true
    else if (!isLiteral && word.startsWith('-') && word.length > 1) {
      const [name, value] = parts(word)
      const option = optionOf(command, name)
      if (option !== undefined && value !== undefined) given.set(option.name(), value)
      else if (option !== undefined && takesValue(option)) open = option
    } else {
      const child = argumentsBefore === 0 ? childOf(command, word) : undefined
      if (child === undefined) argumentsBefore += 1
      else command = child
    }
  }
  const place = { command, given, prefix: '', begun: current }
  if (open !== undefined) return { ...place, expects: { kind: 'option', option: open } }
  if (!isLiteral && current.startsWith('-')) {
    const [name, value] = parts(current)
    const option = value === undefined ? undefined : optionOf(command, name)
    if (option === undefined || value === undefined) return { ...place, expects: { kind: 'flags' } }
    return { ...place, prefix: `${name}=`, begun: value, expects: { kind: 'option', option } }
  }
  if (command.commands.length > 0 && argumentsBefore === 0) return { ...place, expects: { kind: 'commands' } }
  const declared = command.registeredArguments
  const last = declared.at(-1)
  const argument = declared[argumentsBefore] ?? (last?.variadic === true ? last : undefined)
  return { ...place, expects: { kind: 'argument', argument } }
}

function parts(word: string): [name: string, value: string | undefined] {
  const at = word.indexOf('=')
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, undefined]
}

function takesValue(option: Option): boolean {
  return option.required || option.optional
}

function childOf(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word || each.aliases().includes(word))
}

/** Options of the command itself come before those that every command has. */
function optionOf(command: Command, name: string): Option | undefined {
  for (let each: Command | null = command; each !== null; each = each.parent) {
    const found = each.options.find(({ long, short }) => long === name || short === name)
    if (found !== undefined) return found
  }
  return undefined
}
