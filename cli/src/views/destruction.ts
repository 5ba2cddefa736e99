// Destructions for people.
import type { Destruction, DestructionWithRecord } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const destructionView: View<DestructionWithRecord> = {
  ids: ({ id }) => [id],
  text: (destruction) => {
    const { id, state } = destruction
    // Nobody knows more of it.
    if (state === 'tampered')
      return formatFields([
        ['id', id],
        ['state', state],
      ])
    return formatFields([
      ['id', destruction.id],
      ['what', whatOf(destruction)],
      ['data key', destruction.dataKeyId],
      ['tenant', destruction.tenantId],
      ['state', destruction.state],
      ['due', readableTime(destruction.dueAt)],
      ['scheduled', `${readableTime(destruction.scheduledAt)} by API key ${destruction.scheduledBy}`],
      ['cancelled', cancellationOf(destruction)],
      ['destroyed', destruction.destroyedAt && readableTime(destruction.destroyedAt)],
      ['cipherkeys', countOf(destruction)],
    ])
  },
}

export const destructionListView: View<{ destructions: Destruction[] }> = {
  ids: ({ destructions }) => destructions.map(({ id }) => id),
  text: ({ destructions }) =>
    formatTable(
      ['ID', 'STATE', 'DUE', 'WHAT', 'TENANT'],
      destructions.map((destruction) =>
        destruction.state === 'tampered'
          ? [destruction.id, 'tampered', '-', '-', '-']
          : [
              destruction.id,
              destruction.state,
              readableTime(destruction.dueAt),
              whatOf(destruction),
              destruction.tenantId,
            ],
      ),
    ),
}

function whatOf({ kind, keyName = '', cipherkeys = 0 }: Destruction): string {
  if (kind === 'cipherkeys') return `${cipherkeys} cipherkeys that do not open`
  return kind === 'tenant' ? 'the whole tenant' : `data key ${keyName}`
}

function cancellationOf({ cancelledAt, cancelledBy }: Destruction): string | undefined {
  return cancelledAt && `${readableTime(cancelledAt)} by API key ${cancelledBy ?? ''}`
}

// The record is signed and has a form of its own: a count that is not in it is not shown.
function countOf({ record }: DestructionWithRecord): string | undefined {
  const { cipherkeys } = record ?? {}
  if (typeof cipherkeys !== 'object' || cipherkeys === null || !('count' in cipherkeys)) return undefined
  return `${String(cipherkeys.count)} destroyed; --json shows the signed record`
}
