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
  const underWay = new Map<
    string,
    { group: string | undefined; isOutdated: boolean; answer: Promise<Result> }
  >()

  return {
    share(name, start, group) {
      const known = underWay.get(name)
      if (known !== undefined) return known.answer
      const state = { group, isOutdated: false }
      const answer = start(state).finally(() => {
        if (underWay.get(name) === flight) underWay.delete(name)
      })
      const flight = Object.assign(state, { answer })
      underWay.set(name, flight)
      return answer
    },

    outdate(group) {
      for (const [name, flight] of underWay) {
        if (flight.group !== group) continue
        flight.isOutdated = true
        underWay.delete(name)
      }
    },
  }
}
