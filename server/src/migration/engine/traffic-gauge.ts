// Measures the data plane on this replica: how many requests there are, and whether replies take longer than they do
// when no key job is at work.

/** `none`: too little traffic to disturb. */
export type Traffic = 'none' | 'calm' | 'strained'

export interface TrafficGauge {
  /** Call it for every reply of the data plane, with its duration. */
  observe(elapsedMs: number): void
  /** @param isWorking - whether a key job is copying now; then the durations are no measure of undisturbed replies */
  read(isWorking: boolean): Traffic
}

const windowMs = 500
const quietPerWindow = 3
const maxSamples = 1_000
// The 95th percentile is noisy in windows of half a second. Only a clear rise counts.
const strainFactor = 1.5
const strainSlackMs = 1

export function createTrafficGauge(clock: () => number): TrafficGauge {
  let startedMs = clock()
  let count = 0
  let samples: number[] = []
  let undisturbedMs: number | undefined
  let traffic: Traffic = 'none'

  function percentile95(): number {
    samples.sort((a, b) => a - b)
    return samples[Math.floor(samples.length * 0.95)] ?? 0
  }

  return {
    observe(elapsedMs) {
      count += 1
      if (samples.length < maxSamples) samples.push(elapsedMs)
    },

    read(isWorking) {
      if (clock() - startedMs < windowMs) return traffic
      if (count <= quietPerWindow) traffic = 'none'
      else {
        const seenMs = percentile95()
        const isMeasure = !isWorking || undisturbedMs === undefined || seenMs < undisturbedMs
        if (isMeasure) undisturbedMs = undisturbedMs === undefined ? seenMs : (3 * undisturbedMs + seenMs) / 4
        traffic = seenMs > (undisturbedMs ?? seenMs) * strainFactor + strainSlackMs ? 'strained' : 'calm'
      }
      startedMs = clock()
      count = 0
      samples = []
      return traffic
    },
  }
}
