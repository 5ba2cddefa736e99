// A text that somebody types, with its hint and its fault beside it.
import { useId, type ReactNode } from 'react'

interface FieldProps {
  label: ReactNode
  value: string
  onChange: (value: string) => void
  hint?: string
  fault?: string | undefined
  kind?: 'text' | 'secret' | 'digits'
  isLong?: boolean
  /** For what must be typed as it stands: no browser mends or translates it. */
  isExact?: boolean
}

export function Field({ label, value, onChange, hint, fault, kind = 'text', isLong, isExact }: FieldProps) {
  const id = useId()
  const common = {
    id,
    value,
    onChange: (event: { target: { value: string } }) => {
      onChange(event.target.value)
    },
    'aria-describedby': `${id}-hint`,
    'aria-invalid': fault !== undefined,
    ...(isExact === true && {
      autoCorrect: 'off',
      autoCapitalize: 'none',
      spellCheck: false,
      translate: 'no' as const,
    }),
  }
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {isLong === true ? (
        <textarea rows={3} {...common} />
      ) : (
        <input
          type={kind === 'secret' ? 'password' : 'text'}
          inputMode={kind === 'digits' ? 'numeric' : undefined}
          autoComplete="off"
          {...common}
        />
      )}
      <p id={`${id}-hint`} className={fault === undefined ? 'quiet small' : 'fault small'}>
        {fault ?? hint ?? ''}
      </p>
    </div>
  )
}
