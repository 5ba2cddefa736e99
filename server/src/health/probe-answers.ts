// Puts the answers of one region to a probe together: whether a stored tenant key opened there, and the key's state.
import { isKeyholdError, verifyKeyCheckValue, type KeyholdError, type TenantKeyRef } from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import { isRefusal, observationOf, observedHealthy, type KeyObservation } from './key-state.ts'

/** The answer of one region to a probe. */
export interface ProbedRegion {
  region: string
  outcome: { key: KeyObject } | { error: KeyholdError }
}

/** The state of the key as one region tells it: it may be used, its state refuses, or nothing is told. */
export interface SeenState {
  region: string
  state: { kind: 'usable' } | { kind: 'refusal' | 'denial' | 'outage'; error: KeyholdError }
}

/** The stored tenant key that was opened, and what is shown. */
export interface AskedAbout {
  ref: TenantKeyRef
  keyCheckValue: Buffer
  /** Whether the shown state comes from an answer to DescribeKey. */
  isShutByLook: boolean
}

/**
 * The sum of the two answers of a region; undefined: they say nothing about the key; `nothing`: nothing was asked that has
 * told. A refusal to open goes first, then a state that refuses. A state that DescribeKey told stays while DescribeKey does
 * not answer, whatever opens meanwhile.
 */
export function answerOf(
  outcome: ProbedRegion['outcome'] | undefined,
  state: SeenState['state'] | undefined,
  { ref, keyCheckValue, isShutByLook }: AskedAbout,
): KeyObservation | 'nothing' | undefined {
  const told = outcome === undefined ? 'nothing' : openingOf(outcome, ref, keyCheckValue)
  if (typeof told === 'object' && isRefusal(told)) return told
  if (state?.kind === 'refusal') return observationOf(state.error)
  return state?.kind === 'outage' && isShutByLook ? undefined : told
}

function openingOf(
  outcome: ProbedRegion['outcome'],
  ref: TenantKeyRef,
  keyCheckValue: Buffer,
): KeyObservation | undefined {
  const error = 'error' in outcome ? outcome.error : integrityError(ref, outcome.key, keyCheckValue)
  return error === undefined ? observedHealthy : observationOf(error)
}

function integrityError(ref: TenantKeyRef, key: KeyObject, expected: Buffer): KeyholdError | undefined {
  try {
    verifyKeyCheckValue({ ...ref, key }, expected)
    return undefined
  } catch (error) {
    if (isKeyholdError(error)) return error
    throw error
  }
}
