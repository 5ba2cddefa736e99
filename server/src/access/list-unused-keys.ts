// API keys that nobody has used for a long time, for an operator who wants to end them.
import type { ListedApiKey } from '../store/api-keys/api-keys.ts'
import type { Store } from '../store/store.ts'

export interface UnusedApiKey extends ListedApiKey {
  /** Undefined: never, as far as anybody has noted. */
  usedAt: Date | undefined
}

const pageRows = 1_000

/** Those that still hold and were made before, the oldest first. Uses are noted since the version that knows them. */
export async function listUnusedKeys(
  { apiKeys, apiKeyUses, clock }: Pick<Store, 'apiKeys' | 'apiKeyUses' | 'clock'>,
  unusedMs: number,
): Promise<UnusedApiKey[]> {
  const nowMs = clock.now().getTime()
  const since = nowMs - unusedMs
  const unused: UnusedApiKey[] = []
  for (let after: ListedApiKey | undefined; ;) {
    const page = await apiKeys.list({ after, limit: pageRows })
    const usedAt = await apiKeyUses.findAll(page.map(({ id }) => id))
    for (const key of page) {
      const used = usedAt.get(key.id)
      const hasEnded = key.expiresAt !== undefined && key.expiresAt.getTime() <= nowMs
      if (key.isTampered || hasEnded || (used ?? key.createdAt).getTime() > since) continue
      unused.push({ ...key, usedAt: used })
    }
    after = page.at(-1)
    if (page.length < pageRows) return unused
  }
}
