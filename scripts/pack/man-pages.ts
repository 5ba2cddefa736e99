// Man pages of a command, from its own help: one for the command, and one for each group of commands in it. Written in man(7),
// which every reader of man pages knows.
import type { createProgram } from '../../cli/src/create-program.ts'

type Command = ReturnType<typeof createProgram>
type Help = ReturnType<Command['createHelp']>

export interface ManPage {
  /** `keyhold-context.1`. */
  file: string
  text: string
}

interface ManHead {
  version: string
  /** `2026-12-01`. */
  date: string
}

interface ManPageOptions extends ManHead {
  environment: readonly (readonly [name: string, effect: string])[]
  exitCodes: readonly (readonly [code: string, meaning: string])[]
}

/** @param program - with all its commands */
export function manPages(program: Command, options: ManPageOptions): ManPage[] {
  const help = program.createHelp()
  const pages = [pageOf(program, help, options)]
  for (const group of help.visibleCommands(program)) {
    if (group.commands.length > 0) pages.push(pageOf(group, help, options))
  }
  return pages
}

function pageOf(command: Command, help: Help, options: ManPageOptions): ManPage {
  const path = pathOf(command)
  const name = path.join('-')
  const [program = name] = path
  const isWhole = path.length === 1
  const children = help.visibleCommands(command)
  const listed = isWhole ? children : leavesOf(command, help)
  const lines = [
    headOf(name, options),
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(firstSentence(command.description()))}`,
    '.SH SYNOPSIS',
    `.B ${escaped(path.join(' '))}`,
    `.I ${escaped('command [options]')}`,
    '.SH DESCRIPTION',
    ...paragraph(command.description()),
    '.SH COMMANDS',
    ...listed.flatMap((each) => describe(each, help, isWhole)),
    ...(isWhole
      ? [
          '.SH OPTIONS',
          ...help.visibleOptions(command).flatMap((option) => term(option.flags, option.description)),
          '.SH ENVIRONMENT',
          ...options.environment.flatMap(([variable, effect]) => term(variable, effect)),
          '.SH EXIT STATUS',
          ...options.exitCodes.flatMap(([code, meaning]) => term(code, meaning)),
        ]
      : ['.SH OPTIONS OF ALL COMMANDS', ...paragraph(`They are in ${program}(1).`)]),
    '.SH SEE ALSO',
    ...paragraph(
      isWhole
        ? children
            .filter((each) => each.commands.length > 0)
            .map((each) => `${program}-${each.name()}(1)`)
            .join(', ')
        : `${program}(1)`,
    ),
  ]
  return { file: `${name}.1`, text: `${lines.join('\n')}\n` }
}

/** The page of a command whose help is one text: its first line is the usage, and its commands stand two blanks in. */
export function manPageOfUsage(name: string, about: string, usage: string, options: ManHead): ManPage {
  const lines = [
    headOf(name, options),
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(about)}`,
    '.SH SYNOPSIS',
    `.B ${escaped(name)}`,
    `.I ${escaped('command [options]')}`,
    '.SH COMMANDS',
    '.nf',
    ...usage.split('\n').slice(1).map(escaped),
    '.fi',
  ]
  return { file: `${name}.1`, text: `${lines.join('\n')}\n` }
}

function headOf(name: string, { date, version }: ManHead): string {
  return `.TH ${quoted(name.toUpperCase())} 1 "${date}" ${quoted(`Keyhold ${version}`)} ${quoted('Keyhold')}`
}

/** Groups in a group are shown with all that is in them. */
function leavesOf(command: Command, help: Help): Command[] {
  return help
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help')
    .flatMap((each) => (each.commands.length > 0 ? leavesOf(each, help) : [each]))
}

function describe(command: Command, help: Help, isShort: boolean): string[] {
  const [, ...path] = pathOf(command)
  if (isShort && command.commands.length > 0)
    return term(path.join(' '), `${command.description()} See ${pathOf(command).join('-')}(1).`)
  const usage = `${path.join(' ')} ${command.usage()}`
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help')
  const inner = [
    ...help.visibleArguments(command).map((each) => [each.name(), each.description] as const),
    ...options.map((each) => [each.flags, help.optionDescription(each)] as const),
  ]
  if (inner.length === 0) return term(usage, command.description())
  return [
    ...term(usage, command.description()),
    '.RS',
    ...inner.flatMap(([flags, about]) => term(flags, about)),
    '.RE',
  ]
}

function pathOf(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...pathOf(command.parent), command.name()]
}

function term(title: string, text: string): string[] {
  return ['.TP', `.B ${escaped(title)}`, ...paragraph(text)]
}

function paragraph(text: string): string[] {
  return text
    .split('\n')
    .map((line) => escaped(line.trim()))
    .filter((line) => line !== '')
}

function firstSentence(text: string): string {
  return (/^.*?[.…](?= |$)/s.exec(text)?.[0] ?? text).replace(/\.$/, '').replaceAll('\n', ' ')
}

/** A hyphen would be set as a dash, and a line that begins with a dot or a quote would be a request. */
function escaped(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', "'")
    .replaceAll(
      /[\u0080-\uffff]/g,
      (letter) => `\\[u${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
  return /^[.']/.test(plain) ? `\\&${plain}` : plain
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`
}
