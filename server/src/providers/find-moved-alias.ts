// Looks whether this tenant has registered an alias before, when it named another key. Both stay registered: the older one is the
// key of what is stored under it.
import { parseKeyArn, type KeyArn, type KeyInspection } from '@keyhold/core'
import type { Store } from '../store/store.ts'

type Warning = NonNullable<KeyInspection['warnings']>[number]

/** The warning about it; undefined: the alias is new here, names the same key, or none was asked for. */
export async function findMovedAlias(
  store: Pick<Store, 'keyProviders'>,
  tenantId: string,
  asked: KeyArn,
  keyArn: string,
): Promise<Warning | undefined> {
  if (asked.keyId !== undefined) return undefined
  const providers = await store.keyProviders.listShown(tenantId)
  const before = providers
    // The alias of a faulty one may be somebody's text.
    .filter((each) => each.isTampered === undefined)
    .find(({ alias, keyArn: pinned }) => alias?.arn === asked.arn && pinned !== keyArn)
  if (before === undefined) return undefined
  return {
    code: 'ERR_KEY_ALIAS_MOVED',
    region: parseKeyArn(keyArn).region,
    message: `The alias ${asked.arn} names ${keyArn} now. It named ${before.keyArn} when that key was registered, which stays as it is.`,
  }
}
