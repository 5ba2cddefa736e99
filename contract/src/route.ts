import type { Role } from './roles.ts'

/** `events`: a stream of server-sent events. */
export type ReplyKind = 'json' | 'nothing' | 'events'

/** One route. Paths are case-sensitive; `:name` stands for one segment. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  /** Who may call it: roles whose token is bound to the tenant that it acts on, or operators on the installation. */
  roles: readonly Role[]
  summary: string
  /** What each status of success answers. */
  replies: Readonly<Record<number, ReplyKind>>
}
