// Work that goes on while the attack goes on.

/** Lets work go on; its failure is a problem of the campaign. */
export type InBackground = (work: Promise<void>) => void

export interface Background {
  inBackground: InBackground
  /** Answers once all of it has ended. */
  ended: () => Promise<unknown>
}

export function createBackground(problems: string[]): Background {
  const running = new Set<Promise<void>>()
  return {
    inBackground(work) {
      const watched = work
        .catch((error: unknown) => {
          problems.push(`campaign: ${String(error)}`)
        })
        .finally(() => running.delete(watched))
      running.add(watched)
    },
    ended: () => Promise.all(running),
  }
}
