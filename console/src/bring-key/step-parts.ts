import type { Draft } from './draft.ts'

/** Every step of the draft is handed these. */
export interface StepParts {
  draft: Draft
  change: (change: Partial<Draft>) => void
  go: (step: number) => void
}
