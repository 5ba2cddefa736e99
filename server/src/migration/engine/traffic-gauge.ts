// How the data plane fares on this replica: how much of it there is, and whether its replies take longer than they do
// when no key job is at work.

/** `none`: too little traffic to be in anybody's way. */
export type Traffic = 'none' | 'calm' | 'strained'

export interface TrafficGauge {
  /** To be told of every reply of the data plane, with the time that it took. */
  observe(elapsedMs: number): void
  /** @param isWorking - whether a key job is copying now: then what is seen is no measure of undisturbed replies */
  read(isWorking: boolean): Traffic
}

const windowMs = 500
const quietPerWindow = 3
const maxSamples = 1_000
// The 95th percentile is noisy in windows of half a second: what is not clearly longer is left alone.
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
