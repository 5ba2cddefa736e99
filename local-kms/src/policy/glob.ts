// IAM wildcards: `*` is any run of characters, `?` is one. Only the last `*` is ever tried again, so that a
// pattern such as `*a*a*a*b`, which comes from a caller, stays cheap. A regular expression would not.

// They stand for `*` and `?` that are no wildcards. No policy and no ARN has such characters.
const literalStar = '\uE000'
const literalQuestionMark = '\uE001'

/** The text as a pattern that matches only itself. */
export function withoutWildcards(text: string): string {
  return text.replaceAll('*', literalStar).replaceAll('?', literalQuestionMark)
}

/** The pattern as a text, for comparisons without wildcards. */
export function literally(pattern: string): string {
  return pattern.replaceAll(literalStar, '*').replaceAll(literalQuestionMark, '?')
}

export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === '?' || literally(pattern[p] ?? '') === text[t]) {
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

/** Matches ARNs part by part, so that a wildcard in the Region cannot swallow the account. */
export function matchesArn(pattern: string, arn: string): boolean {
  const patterns = arnParts(pattern)
  const parts = arnParts(arn)
  return (
    patterns.length === parts.length && parts.every((part, index) => matchesGlob(patterns[index] ?? '', part))
  )
}

// The sixth part, the resource, may have colons of its own.
function arnParts(arn: string): string[] {
  const parts = arn.split(':')
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')]
}
