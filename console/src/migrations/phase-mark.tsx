// Where a key job stands, in one word.
import type { KeyJob } from '@keyhold/client'
import { Mark, type Tone } from '../parts/mark.tsx'
import { words } from '../words/words.ts'

const endings: Readonly<Record<string, Tone>> = { done: 'good', aborted: 'quiet' }

/** Whether it has ended, done or turned back. */
export function hasEnded({ phase }: Pick<KeyJob, 'phase'>): boolean {
  return endings[phase] !== undefined
}

export function PhaseMark({ job }: { job: KeyJob }) {
  const tone = job.tampered === true ? 'bad' : (endings[job.phase] ?? 'warn')
  return <Mark tone={tone}>{words.migrations.phases[job.phase] ?? job.phase}</Mark>
}
