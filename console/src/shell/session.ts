// The caller, for every page below the shell.
import type { Reply } from '@keyhold/client'
import { createContext, useContext } from 'react'

export type Session = Reply<'getSession'>['body']

export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === undefined) throw new Error('this page is outside the shell')
  return session
}

/** Whether the caller has a permission, so that no page offers what the server would refuse. */
export function useMay(permission: string): boolean {
  return useSession().permissions.includes(permission)
}

/** The id of the tenant that the pages are about. */
export function useTenantId(): string {
  return useSession().tenant?.id ?? ''
}

/** The name by which pages call the tenant. */
export function useTenantName(): string {
  const { tenant } = useSession()
  return tenant?.name ?? tenant?.id ?? ''
}
