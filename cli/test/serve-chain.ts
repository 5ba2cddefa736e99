// A server of one chain of audit records, in pages of two. It says what it is told to say.
import type { Audit, AuditHead } from '@keyhold/client'
import { createServer } from 'node:http'
import { keySet } from './audit-chain.ts'

export interface ServedChain {
  audits: readonly Audit[]
  head: AuditHead
  checkpoints?: readonly { jws: string }[]
  /** Of its signing key. */
  rotations?: readonly object[]
  /** A record whose MAC is wrong, as the server says. */
  forged?: number
  /** It fails at pages that begin after this record. */
  failsAfter?: number
}

/** @param use - gets the environment of a command line, and the tokens and paths of what was asked */
export async function serveChain(
  { audits, head, checkpoints = [], rotations, forged, failsAfter = Infinity }: ServedChain,
  use: (env: Record<string, string>, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = []
  const server = createServer(({ url = '', headers }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://server')
    asked.push(`${headers.authorization ?? ''} ${url}`)
    const after = Number(searchParams.get('after') ?? 0)
    const pageOf = <Item>(name: string, items: readonly Item[], numberOf: (item: Item) => number) => {
      const rest = items.filter((item) => numberOf(item) > after)
      const page = rest.slice(0, 2)
      const last = page.at(-1)
      return { [name]: page, ...(rest.length > 2 && last !== undefined && { next: String(numberOf(last)) }) }
    }
    const auditsOf = (page: Record<string, unknown>) =>
      (page.audits as Audit[]).some(({ sequence }) => sequence === forged) ? { ...page, forged } : page
    const numbered = checkpoints.map(({ jws }, index) => ({ number: index + 1, jws }))
    const body = pathname.endsWith('/signing-keys')
      ? { ...keySet, rotations }
      : pathname.endsWith('/head')
        ? head
        : pathname.endsWith('/checkpoints')
          ? pageOf('checkpoints', numbered, ({ number }) => number)
          : auditsOf(pageOf('audits', audits, ({ sequence }) => sequence))
    const isFailing = pathname.endsWith('/audits') && after >= failsAfter
    response
      .writeHead(isFailing ? 500 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify(isFailing ? {} : body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  try {
    await use(
      {
        KEYHOLD_URL: `http://127.0.0.1:${port}`,
        KEYHOLD_TOKEN: 'of-the-admin',
        KEYHOLD_OPERATOR_TOKEN: 'of-the-operator',
      },
      asked,
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
