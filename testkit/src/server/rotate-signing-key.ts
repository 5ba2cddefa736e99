// Has the signing key of an installation replaced, as the command does.
import type { Settings } from '../../../server/src/settings/read-settings.ts'
import { rotateKey } from '../../../server/src/wiring/commands/rotate-signing-key.ts'

/** Answers the id of the new key. */
export async function rotateSigningKey(settings: Settings): Promise<string> {
  let id = ''
  await rotateKey(settings, {
    tell: (line) => {
      id = line
    },
    say: () => undefined,
    confirm: () => Promise.resolve(true),
  })
  return id
}
