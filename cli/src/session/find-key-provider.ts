// Key providers by their fingerprint, by the beginning of it, or by their name.
import { KeyholdApiError, type KeyProvider } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { nameOf } from '../views/key-provider.ts'
import type { Session } from './open-session.ts'

const wholeFingerprint = /^[0-9a-f]{32}$/
const minBeginning = 4
const notOne = new Set(['ERR_KEY_PROVIDER_NOT_FOUND', 'ERR_FINGERPRINT_INVALID'])

/**
 * Does something with the key provider that a text on the command line means. The server has the first word: a text that is a
 * fingerprint is never taken for a name.
 *
 * @param act - is called again with the whole fingerprint where the server knows none that is `given`
 * @throws CliError `usage` with `ERR_CLI_KEY_PROVIDER_AMBIGUOUS`, or what `act` throws
 */
export async function withKeyProvider<Result>(
  session: Pick<Session, 'call'>,
  given: string,
  act: (fingerprint: string) => Promise<Result>,
): Promise<Result> {
  try {
    return await act(given)
  } catch (error) {
    if (!(error instanceof KeyholdApiError) || !notOne.has(error.code) || wholeFingerprint.test(given))
      throw error
    const meant = await findKeyProvider(session, given)
    if (meant === undefined || meant === given) throw error
    return act(meant)
  }
}

async function findKeyProvider(session: Pick<Session, 'call'>, given: string): Promise<string | undefined> {
  const { body } = await session.call('listAllKeyProviders')
  const named = body.filter((provider) => nameOf(provider) === given)
  const begun =
    given.length < minBeginning ? [] : body.filter(({ arnFingerPrint }) => arnFingerPrint.startsWith(given))
  const found = [...new Set([...named, ...begun])]
  if (found.length > 1) throw ambiguous(given, found)
  return found[0]?.arnFingerPrint
}

function ambiguous(given: string, found: readonly KeyProvider[]): CliError {
  const each = found.map((provider) => `${provider.arnFingerPrint} ${JSON.stringify(nameOf(provider))}`)
  return new CliError(
    'usage',
    'ERR_CLI_KEY_PROVIDER_AMBIGUOUS',
    `${JSON.stringify(given)} may be each of ${found.length} key providers: ${each.join(', ')}`,
    { hint: 'name it by its whole fingerprint' },
  )
}
