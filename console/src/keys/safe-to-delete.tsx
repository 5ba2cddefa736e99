// Whether the key may be deleted in its KMS: red, amber with its date, green.
import { useQuery } from '@tanstack/react-query'
import type { KeyProviderUsage } from '@keyhold/client'
import { Asked } from '../parts/asked.tsx'
import { Mark } from '../parts/mark.tsx'
import { keyUsageQuery } from '../server/queries.ts'
import { timeText, words } from '../words/words.ts'

export function SafeToDelete({ fingerprint }: { fingerprint: string }) {
  const usage = useQuery(keyUsageQuery(fingerprint))
  return (
    <section className="card stack">
      <h2>{words.key.light}</h2>
      <Asked query={usage}>{(answer) => <Light usage={answer} />}</Asked>
    </section>
  )
}

function Light({ usage: { safeToDelete, safeSince, blockers } }: { usage: KeyProviderUsage }) {
  if (safeToDelete) {
    return (
      <>
        <div>
          <Mark tone="good">{words.key.green}</Mark>
        </div>
        {safeSince === undefined ? null : <p>{words.key.greenText(timeText(safeSince))}</p>}
      </>
    )
  }
  // Only where every blocker ends by itself is there a day.
  const ends = blockers.map(({ until }) => until)
  const last = ends.every((until) => until !== undefined) ? ends.toSorted().at(-1) : undefined
  return (
    <>
      <div>
        {last === undefined ? (
          <Mark tone="bad">{words.key.red}</Mark>
        ) : (
          <Mark tone="warn">{words.key.amber(timeText(last))}</Mark>
        )}
      </div>
      <ul>
        {blockers.map(({ code, message }) => (
          <li key={`${code} ${message}`} lang="en">
            {message}
          </li>
        ))}
      </ul>
    </>
  )
}
