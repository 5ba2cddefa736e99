// Something to read before anything else on the page.
import type { ReactNode } from 'react'
import type { Tone } from './mark.tsx'

interface NoteProps {
  tone: Tone
  title: ReactNode
  children?: ReactNode
  /** Read out at once, as it came after the page. */
  isNew?: boolean
}

export function Note({ tone, title, children, isNew = false }: NoteProps) {
  return (
    <section className={`note ${tone}`} role={isNew ? 'alert' : undefined}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}
