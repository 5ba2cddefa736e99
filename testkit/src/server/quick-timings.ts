// How long a server under test waits between looks: long enough to cost little, short enough that a test that waits for
// such a look has not long to wait.
import { defaultTimings, type Timings } from '../../../server/src/timings.ts'

export const quickTimings: Timings = {
  ...defaultTimings,
  probeRoundMs: 250,
  probeConfirmSeconds: 0.5,
  probeAfterTrafficSeconds: 0.5,
  healthWriteMs: 250,
  sweepMs: 500,
  eventPollMs: 100,
  lockPollMs: 500,
  apiKeyPollMs: 500,
  tooManyPauseMs: 20,
}
