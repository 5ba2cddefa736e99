// The tenant that encrypt and decrypt work for, with a service's token.
import { createKeyholdClient, type TenantClient } from '@keyhold/client/node'
import type { GlobalOptions } from '../global-options.ts'
import type { Shell } from '../shell.ts'
import { connectionOf } from './connection.ts'

/**
 * @param tenantId - for tokens that are bound to no tenant; by default that of the context
 * @throws CliError `configuration` without a server or a token
 */
export async function openTenant(
  shell: Shell,
  options: GlobalOptions,
  tenantId: string | undefined,
): Promise<TenantClient> {
  const { client, tenantId: ofContext } = await connectionOf(shell, options, 'service')
  return createKeyholdClient({ ...client, maxRetries: options.retry }).tenant(tenantId ?? ofContext)
}
