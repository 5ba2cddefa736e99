import type { TSchema } from 'typebox'
import type { Role } from './schemas/tenant.ts'

/** One route. Paths are case-sensitive; `:name` stands for one segment. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  /** Who may call it: roles whose token is bound to the tenant that it acts on, or operators on the installation. */
  roles: readonly Role[]
  summary: string
  /** Members are strings; without it what stands in the query is ignored. */
  query?: TSchema
  body?: TSchema
  /** What each status of success answers; null: no body. */
  replies: Readonly<Record<number, TSchema | null>>
  /** Whether the reply is a stream of server-sent events, each with the reply's schema as its data. */
  events?: true
}
