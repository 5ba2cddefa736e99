// Writes measurements: for people as a table, for programs as a JSON object a line.
import type { Comparison, Report } from './measurement.ts'

export function printJson(write: (line: string) => void): Report {
  return (measurement) => {
    write(JSON.stringify('skipped' in measurement ? measurement : rounded(measurement)))
  }
}

/** Prints each line at once, as a full run takes minutes. */
export function printTable(write: (line: string) => void): Report {
  write(row('', 'Keyhold', 'the other', 'unit', 'ratio', 'goal'))
  return (measurement) => {
    if ('skipped' in measurement) {
      write(`${measurement.name.padEnd(nameWidth)}  skipped: ${measurement.skipped}`)
      return
    }
    const { name, ours, theirs, unit, ratio, goal } = rounded(measurement)
    const verdict = goal === undefined ? '' : `${goal} ${ratio >= goal ? 'met' : 'MISSED'}`
    write(row(name, figure(ours), figure(theirs), unit, figure(ratio), verdict))
  }
}

const nameWidth = 62

function row(name: string, ours: string, theirs: string, unit: string, ratio: string, goal: string): string {
  return `${name.padEnd(nameWidth)}  ${ours.padStart(9)}  ${theirs.padStart(9)}  ${unit.padEnd(16)}  ${ratio.padStart(7)}  ${goal}`.trimEnd()
}

export function figure(value: number): string {
  return value.toLocaleString('en')
}

// More digits than three would claim a precision that no run on a shared machine has.
export function rounded(comparison: Comparison): Comparison {
  const threeDigits = (value: number) => Number(value.toPrecision(3))
  return {
    ...comparison,
    ours: threeDigits(comparison.ours),
    theirs: threeDigits(comparison.theirs),
    ratio: threeDigits(comparison.ratio),
  }
}
