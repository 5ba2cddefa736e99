// What an API key may do.
export const roles = ['tenant-admin', 'service', 'auditor', 'operator'] as const

export type Role = (typeof roles)[number]
