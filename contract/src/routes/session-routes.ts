// The routes of sessions: who one is, how one signs in with an API key and signs out, and who else is signed in.
import { roles } from '../roles.ts'
import type { Route } from '../route.ts'

/** Roles of people. Services have no sessions. */
const people = ['tenant-admin', 'auditor', 'security-officer', 'operator'] as const
const administrator = ['operator', 'tenant-admin'] as const

export const sessionRoutes = {
  getSession: {
    method: 'GET',
    path: '/api/v1/session',
    roles,
    permission: 'read-session',
    needsNoScope: true,
    summary:
      'Returns who calls: the role, its permissions, the tenant, how the caller was authenticated, and its session.',
    replies: { 200: 'json' },
  },
  endSession: {
    method: 'DELETE',
    path: '/api/v1/session',
    roles,
    permission: 'sign-in',
    needsNoScope: true,
    summary: 'Signs out: the session ends, or all sessions of its owner.',
    replies: { 204: 'nothing' },
  },
  getCsrfToken: {
    method: 'GET',
    path: '/api/v1/csrf-token',
    roles,
    permission: 'sign-in',
    needsNoScope: true,
    summary: 'Returns the CSRF token of a session in a cookie, in the header `qlik-csrf-token`.',
    replies: { 204: 'nothing' },
  },
  createSession: {
    method: 'POST',
    path: '/api/v1/sessions',
    roles: [...people, 'setup'],
    permission: 'sign-in',
    beginsSession: true,
    mayLackBody: true,
    summary:
      'Signs in with an API key or a link: begins a session with its rights, in a cookie or as an access token.',
    replies: { 201: 'json' },
  },
  listSessions: {
    method: 'GET',
    path: '/api/v1/sessions',
    roles: administrator,
    permission: 'read-sessions',
    summary: 'Lists sessions, the oldest first.',
    replies: { 200: 'json' },
  },
  endAnySession: {
    method: 'DELETE',
    path: '/api/v1/sessions/:sessionId',
    roles: administrator,
    permission: 'manage-sessions',
    summary: 'Ends a session of anybody, or all sessions of its owner.',
    replies: { 204: 'nothing' },
  },
  createSetupLink: {
    method: 'POST',
    path: '/api/v1/setup-links',
    roles: administrator,
    permission: 'manage-setup-links',
    needsFreshSignIn: true,
    summary: 'Creates a link with which a customer sets a key up without an account, and shows it once.',
    replies: { 201: 'json' },
  },
  listSetupLinks: {
    method: 'GET',
    path: '/api/v1/setup-links',
    roles: administrator,
    permission: 'read-setup-links',
    summary: 'Lists setup links that work, and how often each was used, the oldest first.',
    replies: { 200: 'json' },
  },
  deleteSetupLink: {
    method: 'DELETE',
    path: '/api/v1/setup-links/:setupLinkId',
    roles: administrator,
    permission: 'manage-setup-links',
    summary: 'Withdraws a setup link: it and the sessions that it began end.',
    replies: { 204: 'nothing' },
  },
} as const satisfies Record<string, Route>
