// A state as a word with a shape and a colour. The colour alone says nothing.
export type Tone = 'good' | 'warn' | 'bad' | 'quiet'

const shapes: Readonly<Record<Tone, string>> = {
  good: 'M2.5 7.5l3 3 6-7',
  warn: 'M7 1.5L13 12.5H1Z M7 5.5v3 M7 10.4v.2',
  bad: 'M4.2 1.5h5.6l2.7 2.7v5.6l-2.7 2.7H4.2L1.5 9.8V4.2Z M4.8 4.8l4.4 4.4 M9.2 4.8l-4.4 4.4',
  quiet: 'M2.5 7h9',
}

export function Mark({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={`mark ${tone}`}>
      <svg viewBox="0 0 14 14" aria-hidden="true">
        <path
          d={shapes[tone]}
          fill="none"
          stroke="currentColor"
          strokeWidth="1.6"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      {children}
    </span>
  )
}
