// IAM wildcards: `*` is any run of characters, `?` is one. Linear backtracking instead of a regular
// expression, because policies come from callers and a pattern such as `*a*a*a*` must stay cheap.

export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** ARNs match part by part, so that a wildcard in the Region cannot swallow the account. */
export function matchesArn(pattern: string, arn: string): boolean {
  const patterns = arnParts(pattern)
  const parts = arnParts(arn)
  return parts.length === 6 && parts.every((part, index) => matchesGlob(patterns[index] ?? '', part))
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), parts.slice(5).join(':')].slice(0, Math.min(parts.length, 6))
}
