// The few pages that a browser sees around a sign-in: plain HTML, without any script, style or picture.

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (each) => escapes[each] ?? '')

/** The headers of these pages. */
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const

interface PageParts {
  title: string
  text: string
  links?: readonly { href: string; text: string }[]
  /** Where the browser goes by itself. */
  next?: string
}

export function htmlPage({ title, text, links = [], next }: PageParts): string {
  const refresh = next === undefined ? '' : `<meta http-equiv="refresh" content="0; url=${escapeHtml(next)}">`
  const list = links.map((each) => `<li><a href="${escapeHtml(each.href)}">${escapeHtml(each.text)}</a></li>`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">${refresh}<title>${escapeHtml(title)}</title></head><body><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p><ul>${list.join('')}</ul></body></html>\n`
}
