// Keeps the outcome of a test that somebody asked for. If tenant keys depend on the key, a failed test is not kept: the
// next probe opens one of them and decides. For a key without tenant keys the test is all there is.
import { keyArnFingerprint, parseKeyArn } from '@keyhold/core'
import type { Store } from '../store/store.ts'
import type { KeyHealthRecorder, KeyName } from './key-health-recorder.ts'
import { observationOf, observedHealthy } from './key-state.ts'

/** @param error - undefined: the key passed */
export async function keepTestOutcome(
  { store, recorder }: { store: Pick<Store, 'keyProbes'>; recorder: Pick<KeyHealthRecorder, 'probed'> },
  key: KeyName,
  error: unknown,
): Promise<void> {
  const { region } = parseKeyArn(key.keyArn)
  const name = { tenantId: key.tenantId, fingerprint: keyArnFingerprint(key.keyArn) }
  const isInUse = await store.keyProbes.hasten(name, 0)
  if (error === undefined) {
    // A test makes a key and opens it again: these are two answers.
    await recorder.probed(key, region, observedHealthy)
    await recorder.probed(key, region, observedHealthy)
    return
  }
  const observation = observationOf(error)
  if (!isInUse && observation !== undefined) await recorder.probed(key, region, observation)
}
