// Decides what is told of, such as in the log: each thing once in a period, and of what belongs together only so much. So a flood
// of them floods neither the reader nor the memory, and one tenant's flood hides nothing of another.

export interface Tellings {
  /**
   * Whether it is to be told of now. `last`: of its group nothing more will be for a while.
   *
   * @param group - what shares the number, such as the rows of a tenant
   */
  ask(group: string, name: string): 'yes' | 'last' | 'no'
  /** It could not be told of. */
  forget(name: string): void
}

export interface TellingsOptions {
  periodMs: number
  /** How many of a group are told of in a period. */
  mostOfGroup: number
  /** How many are told of in a period, and remembered. Default: 10,000. */
  most?: number
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: () => number
}

export function createTellings({
  periodMs,
  mostOfGroup,
  most = 10_000,
  clock = () => performance.now(),
}: TellingsOptions): Tellings {
  // In the order in which they were told.
  const told = new Map<string, { group: string; atMs: number }>()
  const counts = new Map<string, number>()

  function forget(name: string): void {
    const before = told.get(name)
    if (before === undefined) return
    told.delete(name)
    const count = (counts.get(before.group) ?? 1) - 1
    if (count === 0) counts.delete(before.group)
    else counts.set(before.group, count)
  }

  return {
    ask(group, name) {
      const nowMs = clock()
      for (const [oldest, { atMs }] of told) {
        if (nowMs - atMs < periodMs) break
        forget(oldest)
      }
      const count = counts.get(group) ?? 0
      if (told.has(name) || told.size >= most || count >= mostOfGroup) return 'no'
      told.set(name, { group, atMs: nowMs })
      counts.set(group, count + 1)
      return count + 1 === mostOfGroup ? 'last' : 'yes'
    },
    forget,
  }
}
