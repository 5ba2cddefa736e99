// The output of an experiment: progress and problems go to standard error, figures to standard output. With `--json`
// standard output has the result alone.

export interface Output {
  /** Progress; nothing with `--json`. */
  say: (line: string) => void
  /** Figures for people; nothing with `--json`. */
  print: (line: string) => void
  /** Writes the first problems and the result, and sets the exit code: 0 when everything is as it must be. */
  finish: (result: object, problems: readonly string[], isGood?: boolean) => void
}

const mostProblems = 100

export function createOutput(isJson: boolean): Output {
  return {
    say(line) {
      if (!isJson) process.stderr.write(`${line}\n`)
    },
    print(line) {
      if (!isJson) process.stdout.write(`${line}\n`)
    },
    finish(result, problems, isGood = true) {
      for (const problem of problems.slice(0, mostProblems)) process.stderr.write(`${problem}\n`)
      process.stdout.write(`${JSON.stringify(result)}\n`)
      process.exitCode = isGood && problems.length === 0 ? 0 : 1
    },
  }
}
