// Exit codes. They are an interface for scripts, described in the README and in --help, and never change meaning.

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
