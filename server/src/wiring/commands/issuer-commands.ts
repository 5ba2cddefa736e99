// The commands of the issuer: they work directly on the database, beside running servers, which learn of new keys at once.
import { KeyholdError } from '@keyhold/core'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { GuardedFetch } from '../../guarded-fetch/guarded-fetch.ts'
import { createIssuerKeys } from '../../installation/issuer-keys/issuer-keys.ts'
import { issuerPages } from '../../installation/issuer-keys/issuer-documents.ts'
import {
  keepIssuerKeys,
  revokeIssuerKeys,
  rotateIssuerKey,
} from '../../installation/issuer-keys/make-issuer-keys.ts'
import { writeDurably } from '../../installation/write-durably.ts'
import { invalidSetting } from '../../settings/setting.ts'
import type { Settings } from '../../settings/read-settings.ts'
import { commandActor } from '../../store/audits.ts'
import { issuerCrypto } from '../issuer/open-issuer.ts'
import { checkPages } from '../issuer/watch-pages.ts'
import { operatorFetch, type FetchSettings } from '../issuers/operator-fetch.ts'
import type { AdoptOptions } from './adoption/adopt-integrity.ts'
import { withCommandStore, type CommandStore } from './adoption/open-command-store.ts'
import type { CommandSettings } from './command-settings.ts'

export type IssuerSettings = CommandSettings & FetchSettings & Pick<Settings, 'issuerUrl'>

/** @throws KeyholdError `ERR_CONFIG_INVALID` */
function urlOf({ issuerUrl }: IssuerSettings): string {
  if (issuerUrl === undefined)
    throw invalidSetting('KEYHOLD_ISSUER_URL', 'the URL of the issuer: without it there is none')
  return issuerUrl
}

/** The public keys as a replica publishes them now. Nothing is changed. */
async function publishedKeys({ store, rootKey }: CommandStore): Promise<object[]> {
  const crypto = issuerCrypto(rootKey)
  const keys = createIssuerKeys({
    ...{ store, crypto, now: () => store.clock.now() },
    clock: () => performance.now(),
    onBroken(keyId) {
      throw new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
        message: `Rows of issuer_keys are not as Keyhold wrote them${keyId === undefined ? '' : ` (${keyId})`}: see "keyhold-server doctor --integrity".`,
      })
    },
  })
  await keys.refresh()
  return keys.published()
}

/**
 * Writes the two public pages, with a first key if there is none yet, as files below a folder, for another web server or a bucket, and answers their names.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export async function exportIssuer(settings: IssuerSettings, folder: string): Promise<string[]> {
  const url = urlOf(settings)
  const keys = await withCommandStore(settings, async (parts) => {
    await keepIssuerKeys({ store: parts.store, crypto: issuerCrypto(parts.rootKey) })
    return publishedKeys(parts)
  })
  const files: string[] = []
  for (const page of issuerPages(url, keys)) {
    const file = path.join(folder, page.path)
    await mkdir(path.dirname(file), { recursive: true })
    await writeDurably(file, page.body)
    files.push(file)
  }
  return files
}

/** Fetches the public pages as the internet sees them, and answers what is wrong with them. */
export async function checkIssuer(
  settings: IssuerSettings,
  fetch: GuardedFetch = operatorFetch(settings),
): Promise<string[]> {
  const url = urlOf(settings)
  const keys = await withCommandStore(settings, publishedKeys)
  if (keys.length === 0)
    return ['There is no key yet: start a replica, or run "keyhold-server issuer export DIR".']
  return checkPages(fetch, url, keys)
}

/**
 * Makes the next key. With `isNow` it signs at once, and all others are revoked. Answers whether anything was changed.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`, `ERR_REPLICAS_OLDER`
 */
export async function rotateIssuer(
  settings: IssuerSettings,
  isNow: boolean,
  { tell, say, confirm }: Pick<AdoptOptions, 'tell' | 'say' | 'confirm'>,
): Promise<boolean> {
  urlOf(settings)
  return withCommandStore(settings, async ({ store, rootKey }) => {
    const parts = { store, crypto: issuerCrypto(rootKey) }
    if (!isNow) {
      const { id, signsFrom } = await rotateIssuerKey(parts, commandActor)
      tell(id)
      say(`It is published now and signs from ${signsFrom.toISOString()} on.`)
      return true
    }
    const isSure = await confirm(
      "Revoke all keys of the issuer at once? Until customers' clouds have fetched the new one, Keyhold cannot sign in there.",
    )
    if (!isSure) return false
    const { key, revoked } = await revokeIssuerKeys(parts, commandActor)
    tell(key.id)
    say(`It signs now. Revoked: ${revoked.length === 0 ? 'none' : revoked.join(', ')}.`)
    say('Where the public pages are copies, copy them again now: "keyhold-server issuer export DIR".')
    return true
  })
}
