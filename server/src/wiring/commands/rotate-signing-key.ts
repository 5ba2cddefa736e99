// The command `signing-key rotate` works directly on the database, beside running servers, which learn of the new key at once.
import { KeyholdError } from '@keyhold/core'
import { rotateSigningKey } from '../../installation/signing-keys/rotate-signing-key.ts'
import { commandActor } from '../../store/audits.ts'
import { defaultTimings } from '../../timings.ts'
import type { CommandSettings } from './command-settings.ts'
import { signingCrypto } from '../open-signer.ts'
import type { AdoptOptions } from './adoption/adopt-integrity.ts'
import { findOtherVersions } from './adoption/find-other-versions.ts'
import { withCommandStore } from './adoption/open-command-store.ts'

/**
 * Answers whether the key was replaced; false: the operator has said no.
 *
 * @throws KeyholdError `ERR_SIGNING_KEY_ROTATION`, `ERR_SIGNING_KEY_MISSING`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export async function rotateKey(
  settings: CommandSettings,
  { tell, say, confirm }: Pick<AdoptOptions, 'tell' | 'say' | 'confirm'>,
): Promise<boolean> {
  return withCommandStore(settings, async ({ store, rootKey }) => {
    if (!rootKey.requiresMacs) {
      throw new KeyholdError('ERR_SIGNING_KEY_ROTATION', {
        message:
          'The root key file does not require MACs yet: run "keyhold-server integrity adopt" first. Nothing was changed.',
      })
    }
    const others = await findOtherVersions(store, defaultTimings.replicaGoneMs)
    if (others.length > 0) {
      throw new KeyholdError('ERR_SIGNING_KEY_ROTATION', {
        message: `Replicas of another version are connected, which may go on to sign with the old key: ${others.join('; ')}. Upgrade or stop them, wait ten seconds, and try again. Nothing was changed.`,
      })
    }
    const current = await store.installation.findSigningKey()
    if (current === undefined) throw new KeyholdError('ERR_SIGNING_KEY_MISSING')
    say(`The key that signs now: ${current.id}`)
    if (!(await confirm('Replace it, and destroy its private half?'))) return false
    const { successorId, validTo, statement } = await rotateSigningKey(
      { store, crypto: signingCrypto(rootKey) },
      current.id,
      commandActor,
    )
    tell(successorId)
    say(`Since ${validTo.toISOString()} this key signs. What the old one has signed is verified as before.`)
    say(
      'Whoever has kept the old public key follows its statement about the new one, which each export of the audit trail carries:',
    )
    say(statement)
    return true
  })
}
