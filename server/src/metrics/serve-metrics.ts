// A separate listener for metrics. It has no authentication, so it is not on the port that tenants reach.
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { Tls } from '../tls/reloaded-tls.ts'
import { servePages, type SideListener } from '../side-listener/serve-pages.ts'

// Prometheus asks only every few seconds.
const maxConnections = 32

/** Serves `GET /metrics` and nothing else. Answers once it listens. */
export function serveMetrics(
  place: { host: string; port: number; tls?: Tls | undefined },
  { contentType, text }: { contentType: string; text: () => Promise<string> },
  onError: (error: unknown) => void,
): Promise<SideListener> {
  // Requests that arrive while a page is rendered share it.
  const flights = createSingleFlight<string>()
  const metrics = async () => ({ status: 200, contentType, body: await flights.share('/metrics', text) })
  return servePages({ ...place, maxConnections, pages: { '/metrics': metrics }, onError })
}
