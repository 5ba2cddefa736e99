// The routes of the brand.
import { deleteBrand, saveBrand } from '../../../access/change-brand.ts'
import type { Store } from '../../../store/store.ts'
import { actorOf } from '../../wire/actor-of.ts'
import { brandOf, brandWire } from '../../wire/brand-wire.ts'
import type { Handlers } from '../../server/handler.ts'

export function brandHandlers({
  store,
}: {
  store: Store
}): Pick<Handlers, 'getBrand' | 'saveBrand' | 'deleteBrand'> {
  return {
    async getBrand() {
      return { status: 200, body: brandWire(await store.brand.find()) }
    },

    async saveBrand(call) {
      return {
        status: 200,
        body: brandWire(await saveBrand(store, brandOf(call.body), actorOf(call))),
      }
    },

    async deleteBrand(call) {
      await deleteBrand(store, actorOf(call))
      return { status: 204, body: null }
    },
  }
}
