// Whether a server knows a token. Any answer but 401 says so: a token of another role is refused for its role, not for itself.
import { createKeyholdClient, KeyholdApiError, type KeyholdClientOptions } from '@keyhold/client'

// Neither depends on the tenant, and neither asks a KMS.
const rolesByRoute = [
  ['listTenants', 'operator'],
  ['listKeyProviders', 'tenant-admin'],
] as const

export interface VerifiedToken {
  /** Undefined: neither of both, so it is the token of a service, or the tenant is locked. */
  role: 'operator' | 'tenant-admin' | undefined
}

/** @throws KeyholdApiError with status 401, or for a server that cannot tell; KeyholdClientError */
export async function verifyToken(options: KeyholdClientOptions): Promise<VerifiedToken> {
  const client = createKeyholdClient(options)
  for (const [route, role] of rolesByRoute) {
    try {
      await client.call(route, { query: {} })
      return { role }
    } catch (error) {
      if (!isAboutTheRole(error)) throw error
    }
  }
  return { role: undefined }
}

function isAboutTheRole(error: unknown): boolean {
  return (
    error instanceof KeyholdApiError && error.status !== 401 && error.status < 500 && error.status !== 429
  )
}
