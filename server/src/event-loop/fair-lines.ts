// Shares something out among askers: whoever finds room gets it at once, and everybody else waits in a line. Lines take
// turns, so that a long line does not make its neighbours wait longer. Nobody waits for ever.

export interface FairLinesOptions<Asker> {
  /** The name of the line in which it waits. */
  lineOf: (asker: Asker) => string
  hasRoom: (asker: Asker) => boolean
  /** Is called when an asker gets room (1) and when it gives it back (-1). */
  count: (asker: Asker, by: 1 | -1) => void
  /** Why an asker gets nothing: it has waited for too long, or too many wait before it. */
  refusal: (asker: Asker) => Error
  maxWaitMs: number
  /** In one line. */
  maxWaiting: number
}

/** Gives back what was got; the second call does nothing. */
export type GiveBack = () => void

export interface FairLines<Asker> {
  /**
   * Answers without a promise if there is room now. Rejects, or throws, with `refusal`.
   *
   * @param onWait - receives the function that ends the waiting, for an asker that has gone away
   */
  enter(asker: Asker, onWait?: (giveUp: () => void) => void): GiveBack | Promise<GiveBack>
  /** How many wait. */
  waiting(): number
  /** Who comes next in each line. */
  firstWaiting(): Asker[]
}

interface Waiting<Asker> {
  asker: Asker
  admit: () => void
}

export function createFairLines<Asker>(options: FairLinesOptions<Asker>): FairLines<Asker> {
  const { lineOf, hasRoom, count, refusal, maxWaitMs, maxWaiting } = options
  // The line whose turn is next comes first.
  const lines = new Map<string, Waiting<Asker>[]>()

  function take(asker: Asker): GiveBack {
    count(asker, 1)
    let isGivenBack = false
    return () => {
      if (isGivenBack) return
      isGivenBack = true
      count(asker, -1)
      // Its line has had a turn.
      toTheEnd(lineOf(asker))
      admitNext()
    }
  }

  function toTheEnd(name: string): void {
    const line = lines.get(name)
    if (line === undefined) return
    lines.delete(name)
    lines.set(name, line)
  }

  // A line that got a turn goes to the end of the map, where this loop meets it again.
  function admitNext(): void {
    for (const [name, line] of lines) {
      const [first] = line
      if (first === undefined || !hasRoom(first.asker)) continue
      line.shift()
      lines.delete(name)
      if (line.length > 0) lines.set(name, line)
      first.admit()
    }
  }

  function leave(waiting: Waiting<Asker>): void {
    const name = lineOf(waiting.asker)
    const line = lines.get(name) ?? []
    const place = line.indexOf(waiting)
    if (place === -1) return
    line.splice(place, 1)
    if (line.length === 0) lines.delete(name)
    // It may have stood before others that find room.
    admitNext()
  }

  function wait(asker: Asker, onWait: (giveUp: () => void) => void): Promise<GiveBack> {
    return new Promise((resolve, reject) => {
      function giveUp(): void {
        clearTimeout(patience)
        leave(waiting)
        reject(refusal(asker))
      }
      const patience = setTimeout(giveUp, maxWaitMs)
      const waiting: Waiting<Asker> = {
        asker,
        admit() {
          clearTimeout(patience)
          resolve(take(asker))
        },
      }
      const name = lineOf(asker)
      const line = lines.get(name)
      if (line === undefined) lines.set(name, [waiting])
      else line.push(waiting)
      onWait(giveUp)
    })
  }

  return {
    enter(asker, onWait = () => undefined) {
      const line = lines.get(lineOf(asker))
      if (line === undefined && hasRoom(asker)) return take(asker)
      if (line !== undefined && line.length >= maxWaiting) throw refusal(asker)
      return wait(asker, onWait)
    },

    waiting() {
      let sum = 0
      for (const line of lines.values()) sum += line.length
      return sum
    },

    firstWaiting: () => Array.from(lines.values()).flatMap(([first]) => first?.asker ?? []),
  }
}
