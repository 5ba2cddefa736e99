// One client for each region, opened when it is first needed. Customers name regions, also such as do not exist: of those
// that are in no list, only some are kept, and the oldest that nobody uses are closed.
import { awsRegions } from '@keyhold/core'

const maxUnlisted = 100

export interface ClientsByRegion<Client> {
  /** Runs something with the client of a region, which stays open meanwhile. */
  use<Result>(region: string, action: (client: Client) => Promise<Result>): Promise<Result>
  readonly size: number
  closeAll(): void
}

export function createClientsByRegion<Client>(
  open: (region: string) => Client,
  close: (client: Client) => void,
): ClientsByRegion<Client> {
  const clients = new Map<string, { client: Client; users: number }>()

  function closeIdle(): void {
    const unlisted = [...clients].filter(([region]) => !awsRegions.has(region))
    let surplus = unlisted.length - maxUnlisted
    for (const [region, { client, users }] of unlisted) {
      if (surplus <= 0) return
      if (users > 0) continue
      clients.delete(region)
      close(client)
      surplus -= 1
    }
  }

  return {
    async use(region, action) {
      let entry = clients.get(region)
      if (entry === undefined) {
        entry = { client: open(region), users: 0 }
        clients.set(region, entry)
      }
      entry.users += 1
      try {
        return await action(entry.client)
      } finally {
        entry.users -= 1
        if (clients.size > maxUnlisted) closeIdle()
      }
    },
    get size() {
      return clients.size
    },
    closeAll() {
      for (const { client } of clients.values()) close(client)
      clients.clear()
    },
  }
}
