// How long a server under test waits between looks: long enough to cost little, short enough that a test that waits for
// such a look has not long to wait.
import { defaultTimings, type Timings } from '../../../server/src/timings.ts'

export const quickTimings: Timings = {
  ...defaultTimings,
  probeRoundMs: 500,
  probeConfirmSeconds: 0.5,
  probeAfterTrafficSeconds: 0.5,
  healthWriteMs: 250,
  sweepMs: 1_000,
  eventPollMs: 100,
  lockPollMs: 1_500,
  apiKeyPollMs: 1_500,
  tooManyPauseMs: 20,
}
