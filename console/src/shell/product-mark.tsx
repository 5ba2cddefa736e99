// The sign of the product: a key in a round.
export function ProductMark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#2f4ad0" />
      <circle cx="16" cy="12.5" r="4.5" fill="none" stroke="#fff" strokeWidth="3" />
      <path d="M16 17v8m0-3.5h4" stroke="#fff" strokeWidth="3" strokeLinecap="round" fill="none" />
    </svg>
  )
}
