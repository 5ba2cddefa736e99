// keyhold settings …: what a tenant settles for itself.
import type { TenantSettings } from '@keyhold/client'
import { InvalidArgumentError, type Command } from 'commander'
import { formatFields } from '../output/aligned-text.ts'
import { openSession } from '../session/open-session.ts'
import { printReply, type View } from '../output/print-reply.ts'

const settingsView: View<TenantSettings> = {
  ids: ({ effective }) => [String(effective.keyCacheTtlSeconds)],
  text: ({ tenantId, keyCacheTtlSeconds, effective, limits }) =>
    formatFields([
      ['tenant', tenantId],
      [
        'key cache TTL',
        `${effective.keyCacheTtlSeconds} s, ${keyCacheTtlSeconds === null ? 'the default' : `chosen: ${keyCacheTtlSeconds} s`}`,
      ],
      ['allowed', `${limits.keyCacheTtlSeconds.min} to ${limits.keyCacheTtlSeconds.max} s`],
    ]),
}

export function addSettingsGroup(parent: Command): void {
  const group = parent.command('settings').description('What the tenant settles for itself.')

  group
    .command('show')
    .description("Show the tenant's settings and their limits.")
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('getTenantSettings'), settingsView)
    })

  group
    .command('set')
    .description("Change the tenant's settings, on all replicas at once.")
    .requiredOption(
      '--key-cache-ttl <seconds>',
      'how long keys are used after the last call to their KMS that succeeded; "default" for that of the installation',
      parseSeconds,
    )
    .action(async ({ keyCacheTtl }: { keyCacheTtl: number | 'default' }, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const body = { keyCacheTtlSeconds: keyCacheTtl === 'default' ? null : keyCacheTtl }
      printReply(session.mode, await session.call('changeTenantSettings', { body }), settingsView)
    })
}

function parseSeconds(text: string): number | 'default' {
  if (text === 'default') return text
  if (!/^[0-9]{1,4}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number of seconds, or "default".')
  return Number(text)
}
