// An act that cannot be taken back wants a person who has just signed in; an access token is shown anew each time.
import { limits, routeIds, routes, type Route } from '@keyhold/contract'
import { expect, test } from 'vitest'
import type { Caller, CallerSession } from '../../src/access/caller.ts'
import { authorize } from '../../src/http/server/authorize.ts'

const nowMs = Date.UTC(2026, 0, 1)
const refusal = { code: 'ERR_SIGN_IN_AGAIN' }

function ask(route: Route, agoSeconds: number | undefined) {
  const signedInAt = new Date(nowMs - (agoSeconds ?? 0) * 1_000)
  const session: CallerSession = { id: 's', kind: 'browser', signedInAt, endsAt: new Date(nowMs) }
  const [role = 'operator'] = route.roles
  const caller: Caller = {
    ...{ kind: 'person', id: 'i#s', role, tenantId: role === 'operator' ? undefined : 'acme' },
    ...(agoSeconds !== undefined && { session }),
  }
  const authenticate = () => caller
  const parts = {
    ...{ authenticate, issued: undefined, tenantExists: () => Promise.resolve(true) },
    ...{ sessions: { authenticate }, cookies: { find: () => undefined, authenticate } },
    links: () => Promise.resolve(caller),
    now: () => new Date(nowMs),
  }
  const addresses = { client: () => '', full: () => '' }
  const headers = { authorization: 'Bearer x', method: route.method }
  return authorize(parts, route, headers, addresses, () => undefined)
}

const dangerous = routeIds.filter((id) => (routes[id] as Route).needsFreshSignIn === true)

test('destroying, accepting losses and giving access to others are dangerous', () => {
  expect(dangerous.toSorted()).toEqual([
    ...['acceptMigrationFailures', 'createApiKey', 'createSetupLink', 'deleteTenant', 'destroyDataKey'],
    ...['destroyMigrationFailures', 'rotateApiKey', 'scheduleTenantDeletion'],
  ])
})

test.each(dangerous)('%s wants a sign-in of the last five minutes in a session alone', (id) => {
  const route = routes[id]
  expect(() => ask(route, limits.freshSignInSeconds + 1)).toThrow(expect.objectContaining(refusal))
  expect(ask(route, limits.freshSignInSeconds)).toBeDefined()
  expect(ask(route, undefined)).toBeDefined()
})

test('locking does not: it must work when nobody can sign in', () => {
  expect(ask(routes.lockTenant, 40_000)).toBeDefined()
})
