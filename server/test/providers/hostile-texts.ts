// Texts that would break out of a script, if they were put into it as they are.

export const hostileTexts = [
  "it's",
  "'; touch /tmp/pwned; '",
  '"; touch /tmp/pwned; "',
  '$(touch /tmp/pwned)',
  '`touch /tmp/pwned`',
  '${INNER}',
  '$INNER',
  '%{ if true }x%{ endif }',
  'two\nlines\n# and a comment',
  'carriage\rreturn',
  'back\\slash\\',
  '\\b\\n',
  '-n --help',
  '!history !!',
  '*',
  '\u2028 and ü',
]
