// The tenant that encrypt and decrypt work for, with a service's token.
import { createKeyholdClient, type TenantClient } from '@keyhold/client/node'
import type { Command } from 'commander'
import { connectionOf } from './connection.ts'
import type { GlobalOptions } from '../global-options.ts'

/**
 * @param tenantId - for tokens that are bound to no tenant
 * @throws CliError `configuration` without a server or a token
 */
export async function openTenant(command: Command, tenantId: string | undefined): Promise<TenantClient> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const connection = await connectionOf(options, 'service')
  return createKeyholdClient({ ...connection, maxRetries: options.retry }).tenant(tenantId)
}
