// A setting reads its variable, and has the columns of its row in docs/configuration.md.
import { KeyholdError } from '@keyhold/core'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Setting<Value> {
  readonly variable: string
  /** The columns of docs/configuration.md, in Markdown. */
  readonly byDefault: string
  readonly range: string
  readonly effect: string
  readonly changes: string
  /** @throws KeyholdError `ERR_CONFIG_INVALID`, which names the variable and what is allowed, never the value */
  read(environment: Environment): Value
}

/** How a text becomes a value. */
export interface Form<Value> {
  /** The column Range, in Markdown. */
  readonly range: string
  /** Completes the sentence "NAME expects …". */
  readonly expects: string
  /** Answers undefined if the text cannot be used. */
  parse(text: string): Value | undefined
}

interface Row<Default> {
  /** Undefined: without its variable the setting is undefined. */
  byDefault: Default
  /** The column Default, where `byDefault` does not speak for itself. */
  unset?: string
  effect: string
  /** The column "Can be changed", where that is more than a restart of one replica after the other. */
  changes?: string
}

const atAnyTime = 'any time'

/** @param expects - completes the sentence "NAME expects …" */
export function invalidSetting(variable: string, expects: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', { message: `${variable} expects ${expects}.` })
}

/** A setting in a form. Its default is a text in the same form. */
export function setting<Value, Default extends string | undefined>(
  variable: string,
  form: Form<Value>,
  { byDefault, unset, effect, changes = atAnyTime }: Row<Default>,
) {
  function read(environment: Environment) {
    const text = textOf(environment, variable) ?? byDefault
    return (text === undefined ? undefined : parse(variable, form, text)) as Value | (Default & undefined)
  }
  return {
    ...{ variable, form, effect, changes, read },
    byDefault: shownDefault(byDefault, unset),
    range: form.range,
  } satisfies Setting<Value | undefined>
}

/** In the place of a setting that this build does not have. */
export const noSetting: Setting<undefined> = {
  variable: '',
  byDefault: '',
  range: '',
  effect: '',
  changes: '',
  read: () => undefined,
}

/** The same setting, whose variable in lower case counts first, as it does for other programs. */
export function inLowerCaseToo<Value>(upper: Setting<Value>): Setting<Value> {
  const lower = upper.variable.toLowerCase()
  return {
    ...upper,
    read(environment) {
      const text = textOf(environment, lower)
      return upper.read(text === undefined ? environment : { ...environment, [upper.variable]: text })
    },
  }
}

export interface IntegerSetting<Value> extends Setting<Value> {
  readonly min: number
  readonly max: number | Setting<number>
}

/** A whole number. If `max` is another setting, its value limits this one and its default. */
export function integerSetting<Default extends number | undefined>(
  variable: string,
  {
    byDefault,
    unset,
    effect,
    changes = atAnyTime,
    min,
    max,
  }: Row<Default> & Pick<IntegerSetting<number>, 'min' | 'max'>,
): IntegerSetting<number | Default> {
  const isFixed = typeof max === 'number'
  const limit = isFixed ? String(max) : inCode(max.variable)
  const shown = shownDefault(byDefault, unset)
  return {
    ...{ variable, min, max, effect, changes },
    byDefault: isFixed ? shown : `${shown}, or ${limit} if that is less`,
    range: `${min} to ${limit}`,
    read(environment) {
      const most = isFixed ? max : max.read(environment)
      const text = textOf(environment, variable)
      if (text !== undefined) return parse(variable, wholeNumber(min, most), text)
      return byDefault === undefined ? byDefault : Math.min(byDefault, most)
    },
  }
}

function wholeNumber(min: number, max: number): Pick<Form<number>, 'expects' | 'parse'> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    parse(text) {
      const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

// A file with Windows' line ends leaves a CR behind each value, and a value that a program has read from a file may begin
// with a byte order mark and end with a line feed. None of them belongs to a value.
const aroundValues = /^\uFEFF|[\r\n]+$/g

/** An empty variable counts as not set: that is the meaning of a line `NAME=` in an environment file. */
/** The value of a variable without what surrounds it; undefined: it has none. */
export function textOf(environment: Environment, variable: string): string | undefined {
  const text = environment[variable]?.replaceAll(aroundValues, '')
  return text === '' ? undefined : text
}

/** Whether the variable has a value. */
export function isSet(environment: Environment, variable: string): boolean {
  return textOf(environment, variable) !== undefined
}

function parse<Value>(variable: string, form: Pick<Form<Value>, 'expects' | 'parse'>, text: string): Value {
  const value = form.parse(text)
  if (value === undefined) throw invalidSetting(variable, form.expects)
  return value
}

function shownDefault(byDefault: string | number | undefined, unset: string | undefined): string {
  return unset ?? (byDefault === undefined ? 'none' : inCode(String(byDefault)))
}

function inCode(text: string): string {
  return `\`${text}\``
}
