// The role of an API key decides which routes it may call.
export const roles = ['tenant-admin', 'service', 'auditor', 'operator'] as const

export type Role = (typeof roles)[number]
