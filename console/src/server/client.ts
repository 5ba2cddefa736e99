// The one client of the console. It calls by the cookie of the session.
import { createKeyholdClient, type CallArguments, type Reply, type RouteId } from '@keyhold/client'
import { cookieFetch } from './cookie-fetch.ts'
import { serverUrl } from './place.ts'

// The console has the origin of its server, so nothing is less protected than the page itself was.
const keyhold = createKeyholdClient({
  url: serverUrl,
  token: 'cookie',
  insecure: true,
  fetch: cookieFetch,
  timeoutMs: 20_000,
})

/** Calls one route and answers the body of its reply. @throws KeyholdApiError when the server refuses */
export async function ask<Id extends RouteId>(
  routeId: Id,
  ...options: CallArguments<Id>
): Promise<Reply<Id>['body']> {
  return (await keyhold.call(routeId, ...options)).body
}
