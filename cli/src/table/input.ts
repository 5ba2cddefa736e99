// Inputs of commands: arguments and options, each with the type of the value that the command gets.
import { Argument, Option } from 'commander'

/** An argument or an option of a command. */
export interface Input<Value> {
  readonly declared: Argument | Option
  /** The value, from what commander has parsed. */
  readonly read: (parsed: unknown) => Value
}

/** The inputs of one command by name. Arguments stand on the command line in this order. */
export type Inputs = Readonly<Record<string, Input<unknown>>>

export type ValuesOf<Declared extends Inputs> = {
  [Name in keyof Declared]: Declared[Name] extends Input<infer Value> ? Value : never
}

type Parse<Value> = (text: string, previous?: Value) => Value

/** How an option stands to the others of its command. */
interface Rules {
  implies?: Readonly<Record<string, true>>
  conflicts?: string[]
  isHidden?: boolean
}

/** @param flags - `<name>`, or `<name...>` for several */
export function argument(flags: string, about: string): Input<string>
export function argument<Value>(flags: string, about: string, parse: Parse<Value>): Input<Value>
export function argument(flags: string, about: string, parse?: Parse<unknown>): Input<unknown> {
  const declared = new Argument(flags, about)
  return { declared: parse === undefined ? declared : declared.argParser(parse), read: asIs }
}

/** @param flags - `[name]` */
export function optionalArgument(flags: string, about: string): Input<string | undefined> {
  return argument(flags, about)
}

/** An argument that is one of a few words. */
export function argumentChoice<Value extends string>(
  flags: string,
  about: string,
  choices: readonly Value[],
): Input<Value> {
  return { declared: new Argument(flags, about).choices(choices), read: asIs }
}

/** An option with a value, which may be left out. */
export function option(
  flags: string,
  about: string,
  parse?: undefined,
  rules?: Rules,
): Input<string | undefined>
export function option<Value>(
  flags: string,
  about: string,
  parse: Parse<Value>,
  rules?: Rules,
): Input<Value | undefined>
export function option(flags: string, about: string, parse?: Parse<unknown>, rules?: Rules): Input<unknown> {
  return { declared: optionOf(flags, about, parse, rules), read: asIs }
}

/** An option that the command cannot do without. */
export function required(flags: string, about: string): Input<string>
export function required<Value>(flags: string, about: string, parse: Parse<Value>): Input<Value>
export function required(flags: string, about: string, parse?: Parse<unknown>): Input<unknown> {
  return { declared: optionOf(flags, about, parse).makeOptionMandatory(), read: asIs }
}

/** An option with one of a few values; the first one when it is left out. */
export function choice<Value extends string>(
  flags: string,
  about: string,
  choices: readonly [Value, ...Value[]],
): Input<Value> {
  const [byDefault] = choices
  return {
    declared: optionOf(flags, about).choices(choices).default(byDefault),
    read: (parsed) => choices.find((each) => each === parsed) ?? byDefault,
  }
}

/** An option without a value. */
export function flag(flags: string, about: string, rules?: Rules): Input<boolean> {
  return { declared: optionOf(flags, about, undefined, rules), read: (parsed) => parsed === true }
}

function optionOf(
  flags: string,
  about: string,
  parse?: Parse<unknown>,
  { implies = {}, conflicts = [], isHidden = false }: Rules = {},
): Option {
  const declared = new Option(flags, about).implies(implies).conflicts(conflicts).hideHelp(isHidden)
  return parse === undefined ? declared : declared.argParser(parse)
}

// The declarations above give it its type.
function asIs(parsed: unknown): never {
  return parsed as never
}
