// The hashes of the scripts that are in pages, for the Content-Security-Policy.
import { createHash } from 'node:crypto'

const inlineScript = /<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g

/** As a policy names them, without quotes: `sha256-…`. */
export function scriptHashes(html: string): string[] {
  return [...html.matchAll(inlineScript)].map(
    ([, script = '']) => `sha256-${createHash('sha256').update(script).digest('base64')}`,
  )
}

const forbidden = /<[a-z][^>]*\s(?:style|on[a-z]+)=/i

/** Whether a page needs what the policy forbids: styles of single elements, and scripts in attributes. */
export function needsMore(html: string): boolean {
  return forbidden.test(html)
}
