// From the secret of a link to the caller who may begin a session with it, and do nothing else. To look at a link spends nothing.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import type { ClientAddresses } from '../../access/authenticate.ts'
import { callerOf, type Caller } from '../../access/caller.ts'
import { isCheckedText, isTaggedId, parseCheckedText, type IdTag } from '../../access/checked-text.ts'
import { createUnknownKeys, type UnknownKeysOptions } from '../../access/unknown-keys.ts'
import { isLoopback } from '../../driver/is-loopback.ts'
import type { Store } from '../../store/store.ts'
import type { OneTimeLinks } from './one-time-links.ts'

/** @throws KeyholdError `ERR_LINK_OVER`, `ERR_TOO_MANY_UNKNOWN_KEYS`, as rejections */
export type AuthenticateLink = (secret: string, addresses: ClientAddresses) => Promise<Caller>

export interface LinkOptions extends UnknownKeysOptions {
  store: Pick<Store, 'apiKeys' | 'setupLinks'>
  oneTime: Pick<OneTimeLinks, 'find'>
  /** Of the ids of links. */
  tagOf: IdTag
}

/** Whether a text is meant to be a link's secret, right or wrong. */
export function looksLikeLink(text: string): boolean {
  return text.startsWith('khl_')
}

export function createAuthenticateLink({ store, oneTime, tagOf, ...options }: LinkOptions): AuthenticateLink {
  const unknown = createUnknownKeys(options)

  async function callerFor(
    apiKeyId: string,
    id: string,
    kind: 'one-time' | 'setup',
  ): Promise<Caller | undefined> {
    const key = (await store.apiKeys.findAll([apiKeyId])).get(apiKeyId)
    if (key === undefined || key.scopeFault !== undefined) return undefined
    return { ...callerOf(key), link: { id, kind } }
  }

  async function find(secret: string, addresses: ClientAddresses): Promise<Caller | undefined> {
    const once = oneTime.find(secret)
    if (once !== undefined) {
      // Of a link on a screen, only programs on the same machine are meant.
      return isLoopback(addresses.full()) ? callerFor(once.apiKeyId, once.id, 'one-time') : undefined
    }
    const text = parseCheckedText('khl', secret)
    if (text === undefined || !isTaggedId(text.id, tagOf)) return undefined
    const link = await store.setupLinks.find(text.id)
    const isRight = isCheckedText('khl', text, link?.secretHash ?? Buffer.alloc(32))
    if (!isRight || link === undefined || link.uses >= link.maxUses) return undefined
    return callerFor(link.apiKeyId, link.id, 'setup')
  }

  /** One that was refused a moment ago is a link that is over, as it was then. */
  async function begin(secret: string, address: string): Promise<() => void> {
    try {
      return await unknown.begin(secret, address)
    } catch (error) {
      throw isKeyholdError(error) && error.code === 'ERR_UNAUTHENTICATED'
        ? new KeyholdError('ERR_LINK_OVER')
        : error
    }
  }

  return async (secret, addresses) => {
    const address = addresses.client()
    const end = await begin(secret, address)
    try {
      const caller = await find(secret, addresses)
      if (caller !== undefined) return caller
      unknown.wasNotFound(secret, address)
      throw new KeyholdError('ERR_LINK_OVER')
    } finally {
      end()
    }
  }
}
