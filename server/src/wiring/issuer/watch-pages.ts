// Looks at the public pages of the issuer as the internet sees them: where they are another web server's, somebody has to copy new keys
// there in time.
import { isKeyholdError } from '@keyhold/core'
import type { Logger } from 'pino'
import type { GuardedFetch } from '../../guarded-fetch/guarded-fetch.ts'
import { comparePages } from '../../installation/issuer-keys/compare-pages.ts'
import { discoveryPath, keySetPath } from '../../installation/issuer-keys/issuer-documents.ts'
import type { Issuer } from './open-issuer.ts'

const fetchTimeoutMs = 5_000

/** Answers what is wrong, one sentence each. */
export async function checkPages(
  fetch: GuardedFetch,
  issuer: string,
  publicKeys: readonly object[],
): Promise<string[]> {
  const unfetched: string[] = []
  async function page(path: string) {
    const url = `${issuer}${path}`
    try {
      const { status, body } = await fetch(url, { timeoutMs: fetchTimeoutMs })
      if (status === 200) return objectIn(body.toString())
      unfetched.push(`${url} answers ${status}.`)
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      unfetched.push(`${url}: ${error.message}`)
    }
    return 'unfetched' as const
  }
  const [discovery, keySet] = await Promise.all([page(discoveryPath), page(keySetPath)])
  const keySetUrl = `${issuer}${keySetPath}`
  return [...unfetched, ...comparePages({ discovery, keySet }, { issuer, keySetUrl, publicKeys })]
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

export interface PageWatch {
  /** All that was wrong at the last look. Undefined: nobody has looked yet. */
  problems(): readonly string[] | undefined
  look(): Promise<void>
}

export function openPageWatch(
  issuer: Pick<Issuer, 'url' | 'publicKeys'>,
  logger: Logger,
  fetch: GuardedFetch,
): PageWatch {
  let seen: readonly string[] | undefined
  return {
    problems: () => seen,
    async look() {
      const problems = await checkPages(fetch, issuer.url, issuer.publicKeys())
      if (problems.length > 0 && problems.join() !== seen?.join())
        logger.warn({ problems }, 'clouds of customers may not be able to check the identity tokens')
      seen = problems
    },
  }
}
