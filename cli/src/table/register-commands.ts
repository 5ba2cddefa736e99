// From the table of commands to commander's own.
import { Argument, type Command } from 'commander'
import { outputMode, type GlobalOptions } from '../global-options.ts'
import { openSession } from '../session/open-session.ts'
import type { Shell } from '../shell.ts'
import type { CommandGroup, CommandSpec, Invocation } from './command-spec.ts'
import type { Inputs } from './input.ts'

/** Adds the commands, and the groups with all that is in them, to `parent`. */
export function registerCommands(parent: Command, commands: CommandGroup['commands'], shell: Shell): void {
  for (const each of commands) {
    const added = parent.command(each.name).description(each.about)
    if ('commands' in each) registerCommands(added, each.commands, shell)
    else registerCommand(added, each, shell)
  }
}

function registerCommand(added: Command, spec: CommandSpec, shell: Shell): void {
  if (spec.alias !== undefined) added.alias(spec.alias)
  for (const { declared } of Object.values(spec.inputs)) {
    if (declared instanceof Argument) added.addArgument(declared)
    else added.addOption(declared)
  }
  added.action(() => spec.run(invocationOf(added, shell), valuesOf(added, spec.inputs)))
}

function valuesOf(command: Command, inputs: Inputs): Record<string, unknown> {
  let place = 0
  const values = Object.entries(inputs).map(([name, { declared, read }]) => {
    const parsed: unknown =
      declared instanceof Argument
        ? command.processedArgs[place++]
        : command.getOptionValue(declared.attributeName())
    return [name, read(parsed)] as const
  })
  return Object.fromEntries(values)
}

function invocationOf(command: Command, shell: Shell): Invocation {
  const globals = command.optsWithGlobals<GlobalOptions>()
  return {
    shell,
    globals,
    mode: outputMode(globals),
    refuse: (message) => command.error(`error: ${message}`),
    openSession: (caller) => openSession(shell, globals, caller),
  }
}
