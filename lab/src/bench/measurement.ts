// The result of one benchmark. These members are the lines of `npm run bench -- --json`, on which its readers rely.

/** Two sides, measured in one run. */
export interface Comparison {
  name: string
  ours: number
  theirs: number
  unit: string
  /** Higher is better in every unit: above 1 Keyhold is ahead of the other side. */
  ratio: number
  /** The lowest ratio that is the aim; undefined for a mere figure. */
  goal?: number
}

/** A comparison whose other side does not run here, and the reason. */
export interface Skipped {
  name: string
  skipped: string
}

export type Measurement = Comparison | Skipped

export type Report = (measurement: Measurement) => void

/** Reports a side that does not run here as skipped; one missing peer must not end the whole run. */
export async function orSkip(name: string, report: Report, run: () => Promise<Comparison[]>): Promise<void> {
  try {
    for (const comparison of await run()) report(comparison)
  } catch (error) {
    report({ name, skipped: error instanceof Error ? error.message : String(error) })
  }
}
