// What one benchmark says. These members are the lines of `npm run bench -- --json`: whoever reads them relies on them.

/** Two sides, measured in one run. */
export interface Comparison {
  name: string
  ours: number
  theirs: number
  unit: string
  /** Higher is better, whatever the unit: above 1 is ahead of the other side. */
  ratio: number
  /** The least ratio that is aimed at; without one it is a mere figure. */
  goal?: number
}

/** Another side that does not run here, and why. */
export interface Skipped {
  name: string
  skipped: string
}

export type Measurement = Comparison | Skipped

export type Report = (measurement: Measurement) => void

/** Tells that a side does not run here; a benchmark without its peer is no reason to end the whole run. */
export async function orSkip(name: string, report: Report, run: () => Promise<Comparison[]>): Promise<void> {
  try {
    for (const comparison of await run()) report(comparison)
  } catch (error) {
    report({ name, skipped: error instanceof Error ? error.message : String(error) })
  }
}
