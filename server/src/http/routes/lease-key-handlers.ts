// The routes of the data key for local encryption, for those who look after it.
import { limits, type LeaseKey } from '@keyhold/contract'
import type { DataKeyChangeParts } from '../../data/data-key-change.ts'
import { endLeaseKey } from '../../data/end-lease-key.ts'
import { listLeaseKeys, type LeaseKeyVersion } from '../../data/list-lease-keys.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { wireMilliseconds } from '../wire/wire-time.ts'

export function leaseKeyHandlers(parts: DataKeyChangeParts): Pick<Handlers, 'listLeaseKeys' | 'endLeaseKey'> {
  return {
    async listLeaseKeys({ tenantId, query: { before, limit } }) {
      const page = await listLeaseKeys(parts.store, tenantId, {
        before: before === undefined ? undefined : Number(before),
        limit: limit === undefined ? limits.defaultListedPerPage : Number(limit),
      })
      const next = page.before === undefined ? {} : { next: String(page.before) }
      return { status: 200, body: { leaseKeys: page.leaseKeys.map(leaseKeyWire), ...next } }
    },

    async endLeaseKey(call) {
      return { status: 200, body: leaseKeyWire(await endLeaseKey(parts, call.tenantId, actorOf(call))) }
    },
  }
}

function leaseKeyWire({ dataKeyId, version, state, createdAt }: LeaseKeyVersion): LeaseKey {
  return { dataKeyId, version, state, createdAt: wireMilliseconds(createdAt) }
}
