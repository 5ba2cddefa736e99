// A separate listener for probes. Whoever watches replicas reaches it without a way through the port of tenants, and without a path
// prefix. Only the watchers should reach it.
import { servePages, type Page, type SideListener } from '../../side-listener/serve-pages.ts'
import type { ProbeAnswer, ProbePath } from '../connections/answer-probe.ts'

const maxConnections = 64

/** Serves `GET /livez` and `GET /readyz` and nothing else. Answers once it listens. */
export function serveProbes(
  place: { host: string; port: number },
  probe: (path: ProbePath) => Promise<ProbeAnswer>,
  onError: (error: unknown) => void,
): Promise<SideListener> {
  const pageOf = (path: ProbePath) => async (): Promise<Page> => {
    const { status, body } = await probe(path)
    return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) }
  }
  const pages = { '/livez': pageOf('/livez'), '/readyz': pageOf('/readyz') }
  return servePages({ ...place, maxConnections, pages, onError })
}
