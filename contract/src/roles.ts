// The role of a caller decides which routes it may call: a named set of the permissions that stand beside the routes.

/** The roles that API keys, JWTs, certificates and people are given. */
export const givenRoles = [
  'tenant-admin',
  'service',
  'service-encrypt',
  'auditor',
  'security-officer',
  'operator',
] as const

/** `setup`: whoever has a setup link. Nobody is given it otherwise. */
export const roles = [...givenRoles, 'setup'] as const

export type Role = (typeof roles)[number]

export type GivenRole = (typeof givenRoles)[number]
