// The kinds of options that experiments have. Each kind reads its own text, so that there is one way to read a number
// and one seed.

export interface Option<Value> {
  /** Stands for the value in the usage; undefined for a flag, which takes none. */
  readonly placeholder: string | undefined
  /** For the usage. */
  readonly help: string
  /** @throws RangeError with the rest of the sentence `--name …` when a text is not allowed */
  read(texts: readonly string[]): Value
}

export interface NumberRange {
  min: number
  max?: number
  default: number
}

/** A whole number. */
export function integer(help: string, range: NumberRange): Option<number> {
  return numeric(help, range, 'a whole number', Number.isSafeInteger)
}

/** A number with or without decimals. */
export function decimal(help: string, range: NumberRange): Option<number> {
  return numeric(help, range, 'a number', Number.isFinite)
}

function numeric(
  help: string,
  { min, max = Number.POSITIVE_INFINITY, default: usual }: NumberRange,
  kind: string,
  isOfKind: (value: number) => boolean,
): Option<number> {
  const upTo = max === Number.POSITIVE_INFINITY ? '' : ` to ${max}`
  return {
    placeholder: 'N',
    help: `${help} (default ${usual})`,
    read(texts) {
      const text = texts.at(-1)
      if (text === undefined) return usual
      const value = Number(text)
      // The number of a blank text would be 0.
      if (text.trim() === '' || !isOfKind(value) || value < min || value > max)
        throw new RangeError(`expects ${kind} from ${min}${upTo}`)
      return value
    },
  }
}

/** Without a value: on or off. */
export function flag(help: string): Option<boolean> {
  return { placeholder: undefined, help, read: (texts) => texts.length > 0 }
}

/** Any text; undefined when the option is absent. */
export function text(help: string): Option<string | undefined> {
  return { placeholder: 'TEXT', help, read: (texts) => texts.at(-1) }
}

/** Some of a set of names; all of them when the option is absent. */
export function names(help: string, all: readonly string[]): Option<readonly string[]> {
  return {
    placeholder: 'NAME',
    help: `${help}: ${all.join(', ')}; may be given several times (default: all)`,
    read(texts) {
      if (!texts.every((text) => all.includes(text))) throw new RangeError(`expects one of ${all.join(', ')}`)
      return texts.length === 0 ? all : texts
    },
  }
}

const mostSeeds = 2 ** 31

/** The start of a run's random choices. Without the option every run draws a seed, and its result names it. */
export function seed(): Option<number> {
  const drawn = 1 + Math.floor(Math.random() * mostSeeds)
  const option = integer('', { min: 0, max: 2 ** 32 - 1, default: drawn })
  return { ...option, help: 'repeats the choices of a run, but not its timing (default: random)' }
}
