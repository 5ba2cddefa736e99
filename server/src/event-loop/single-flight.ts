// Callers that ask for the same thing while its answer is being made share that answer.

/** The making of one answer. */
export interface Flight {
  /** Whether `outdate` was called since it began. Then its answer serves earlier callers only, and must not be kept. */
  readonly isOutdated: boolean
}

export interface SingleFlight<Result> {
  /**
   * Answers with the work that runs under that name, or starts it.
   *
   * @param group - the name for `outdate`
   */
  share(name: string, start: (flight: Flight) => Promise<Result>, group?: string): Promise<Result>
  /** From now on, no caller shares an answer of the group that is being made already. */
  outdate(group: string): void
}

export function createSingleFlight<Result>(): SingleFlight<Result> {
  const underWay = new Map<string, State<Result>>()
  // Which are under way in each group.
  const groups = new Map<string, Set<State<Result>>>()

  function end(flight: State<Result>): void {
    if (underWay.get(flight.name) === flight) underWay.delete(flight.name)
    if (flight.group === undefined) return
    const its = groups.get(flight.group)
    its?.delete(flight)
    if (its?.size === 0) groups.delete(flight.group)
  }

  return {
    share(name, start, group) {
      const known = underWay.get(name)
      if (known !== undefined) return known.answer
      const state = { name, group, isOutdated: false }
      const answer = start(state).finally(() => {
        end(flight)
      })
      const flight = Object.assign(state, { answer })
      underWay.set(name, flight)
      if (group !== undefined) groups.set(group, (groups.get(group) ?? new Set()).add(flight))
      return answer
    },

    outdate(group) {
      for (const flight of groups.get(group) ?? []) {
        flight.isOutdated = true
        end(flight)
      }
    },
  }
}

interface State<Result> {
  name: string
  group: string | undefined
  isOutdated: boolean
  answer: Promise<Result>
}
