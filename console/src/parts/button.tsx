// A button that stays in its place and in the order of keys while it works.
import type { ReactNode } from 'react'

interface ButtonProps {
  children: ReactNode
  onClick?: () => void
  look?: 'main' | 'danger' | 'plain'
  isSmall?: boolean
  isBusy?: boolean
  type?: 'button' | 'submit'
}

export function Button({
  children,
  onClick,
  look = 'plain',
  isSmall = false,
  isBusy = false,
  type = 'button',
}: ButtonProps) {
  return (
    <button
      type={type}
      className={['button', look, isSmall ? 'small' : ''].join(' ').trim()}
      aria-disabled={isBusy}
      onClick={(event) => {
        if (isBusy) event.preventDefault()
        else onClick?.()
      }}
    >
      {children}
    </button>
  )
}
