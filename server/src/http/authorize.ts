// May this caller call this route, and for which tenant? Asked before the body is read.
import { tenantIdPattern, type Route } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { Authenticate } from '../operations/authenticate.ts'
import type { Caller } from '../operations/caller.ts'

const bearerForm = /^Bearer +([\x21-\x7e]{1,4096})$/i
const tenantIdForm = new RegExp(tenantIdPattern)

export interface Authorized {
  caller: Caller
  /** Undefined on operators' routes. */
  tenantId: string | undefined
}

export interface Authorization {
  authenticate: Authenticate
  tenantExists: (tenantId: string) => Promise<boolean>
}

/**
 * Establishes the caller and the tenant.
 *
 * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_FORBIDDEN`, `ERR_INVALID_REQUEST` for a malformed `Keyhold-Tenant`,
 * `ERR_TENANT_NOT_FOUND` for another tenant than the token's
 */
export async function authorize(
  { authenticate, tenantExists }: Authorization,
  route: Route,
  headers: { authorization?: string | undefined; tenant?: string | string[] | undefined },
): Promise<Authorized> {
  const token = bearerForm.exec(headers.authorization ?? '')?.[1]
  if (token === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
  const caller = await authenticate(token)
  if (!route.roles.includes(caller.role)) throw new KeyholdError('ERR_FORBIDDEN')

  const { tenant } = headers
  if (tenant !== undefined && (typeof tenant !== 'string' || !tenantIdForm.test(tenant))) {
    throw new KeyholdError('ERR_INVALID_REQUEST', {
      message: 'The header Keyhold-Tenant does not hold a tenant id.',
    })
  }
  if (caller.role === 'operator') return { caller, tenantId: undefined }
  return { caller, tenantId: await resolveTenant(caller, tenant, tenantExists) }
}

async function resolveTenant(
  caller: Caller,
  tenant: string | undefined,
  tenantExists: Authorization['tenantExists'],
): Promise<string> {
  if (caller.tenantId !== undefined) {
    // A foreign tenant looks like one that never existed.
    if (tenant !== undefined && tenant !== caller.tenantId) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return caller.tenantId
  }
  if (tenant === undefined) {
    throw new KeyholdError('ERR_INVALID_REQUEST', {
      message: 'This API key is for all tenants: name one in the header Keyhold-Tenant.',
    })
  }
  if (!(await tenantExists(tenant))) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  return tenant
}
