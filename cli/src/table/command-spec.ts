// A command as it stands in the table: its name, its inputs, and what it does.
import type { GlobalOptions, OutputMode } from '../global-options.ts'
import type { Session } from '../session/open-session.ts'
import type { Caller } from '../session/read-token.ts'
import type { Shell } from '../shell.ts'
import type { Inputs, ValuesOf } from './input.ts'

export interface CommandSpec<Declared extends Inputs = Inputs> {
  name: string
  alias?: string
  about: string
  inputs: Declared
  run(invocation: Invocation, values: ValuesOf<Declared>): Promise<void>
}

/** Several commands under one word. */
export interface CommandGroup {
  name: string
  about: string
  commands: readonly (CommandSpec | CommandGroup)[]
}

/** One call of one command. */
export interface Invocation {
  readonly shell: Shell
  readonly globals: GlobalOptions
  readonly mode: OutputMode
  /** Refuses the command line with exit code 2, and says how the command is used. */
  readonly refuse: (message: string) => never
  /** @throws CliError `configuration` without a server or a token; KeyholdClientError for a URL that is not usable */
  readonly openSession: (caller: Caller) => Promise<Session>
}

/** A command with code of its own. Its inputs give its values their types. */
export function command<Declared extends Inputs>(spec: CommandSpec<Declared>): CommandSpec {
  return spec
}
