import { Link } from '@tanstack/react-router'
import { Note } from '../parts/note.tsx'
import { words } from '../words/words.ts'

/** For an address that no page has. */
export function NotFoundPage() {
  return (
    <Note tone="quiet" title={words.problem.gone}>
      <p>
        <Link to="/">{words.nav.home}</Link>
      </p>
    </Note>
  )
}
