// Exit codes. Scripts rely on them: the README and --help describe them, and their meaning never changes.

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  unreachable: 4,
  unauthenticated: 5,
  forbidden: 6,
  notFound: 7,
  conflict: 8,
  unavailable: 9,
  serverFailed: 10,
  interrupted: 130,
} as const
