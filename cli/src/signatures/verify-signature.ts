// --verify: verifies a signature before its content is printed, and says so.
import type { Session } from '../session/open-session.ts'
import { signingKeys } from './signing-keys.ts'
import { verifyJws, type Signed } from './verify-jws.ts'

/**
 * @param keysFile - a JWK set; undefined: the server's own keys
 *
 * @throws CliError `failed` when the signature is not valid
 */
export async function verifySignature(session: Session, signed: Signed, keysFile?: string): Promise<void> {
  const keyId = verifyJws(signed, await signingKeys(session, keysFile), 'the report')
  session.remark(`the signature is valid, of key ${keyId}`)
}
