// Where a browser goes after a sign-in: to a page of the console, and nowhere else.

const usual = '/console'

/** @param asked - anybody may write it into a link */
export function returnPath(asked: string | undefined): string {
  if (asked === undefined || asked.length > 1_024 || !/^\/console(?:[/?]|$)/.test(asked)) return usual
  // As a browser reads it: it takes out line ends and tabs, and turns a backslash.
  const read = new URL(asked, 'https://own.invalid')
  const isOwn = read.origin === 'https://own.invalid' && /^\/console(?:\/|$)/.test(read.pathname)
  return isOwn ? read.pathname + read.search : usual
}
