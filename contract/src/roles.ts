// The role of an API key decides which routes it may call: a named set of the permissions that stand beside the routes.
export const roles = [
  'tenant-admin',
  'service',
  'service-encrypt',
  'auditor',
  'security-officer',
  'operator',
] as const

export type Role = (typeof roles)[number]
